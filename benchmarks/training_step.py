"""Time training steps on the CPU: our depthwise gradients and memory setting against torch's own.

The same network, batch and step. Every variant runs in a process of its own, since the memory
setting cannot be taken back within one; they take turns, round after round, and the ratio is taken
within each round. Prints a Markdown table for RESULTS.md.

    python benchmarks/training_step.py [--rounds 3] [--backbone efficientnet_lite2]
"""

import argparse
import statistics
import subprocess
import sys
import time

import torch
from cold_start import commit, hardware
from torch import nn

from deeplab.models import DeepLab, ModelConfig, build
from deeplab.models.depthwise import DepthwiseConv2d
from deeplab.training.arithmetic import arithmetic
from deeplab.training.config import TrainConfig
from deeplab.training.loss import pixel_loss
from deeplab.training.memory import keep_freed_memory

BATCH, CROP_PX, STEPS = 16, 321, 6
ARITHMETIC = arithmetic(TrainConfig(accelerator="cpu", precision="bf16-mixed"))
VARIANTS = ("torch as it comes", "our depthwise gradients", "and freed memory kept")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    parser.add_argument("--variant", type=int, choices=range(3), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.variant is not None:
        print(seconds_per_step(options.backbone, options.variant))
        return
    seconds: dict[str, list[float]] = {name: [] for name in VARIANTS}
    for _ in range(options.rounds):
        for number, name in enumerate(VARIANTS):
            seconds[name].append(in_own_process(options.backbone, number))
    print(
        f"{options.backbone}, output stride 16, {BATCH} crops of {CROP_PX}, "
        f"{ARITHMETIC}, channels_last; {hardware()}; commit {commit()}; {options.rounds} rounds\n"
    )
    print("| one step | median seconds | times as fast as torch |\n|---|---|---|")
    for name, values in seconds.items():
        ratios = [other / one for one, other in zip(values, seconds[VARIANTS[0]], strict=True)]
        print(f"| {name} | {statistics.median(values):.2f} | {statistics.median(ratios):.2f} |")


def in_own_process(backbone: str, variant: int) -> float:
    command = [sys.executable, __file__, "--backbone", backbone, "--variant", str(variant)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def seconds_per_step(backbone: str, variant: int) -> float:
    """Take a few steps; the median of all but the first two."""
    trained = network(backbone)
    if variant == 0:
        for module in trained.modules():
            if isinstance(module, DepthwiseConv2d):
                module.__class__ = nn.Conv2d
    if variant == 2 and not keep_freed_memory():
        raise SystemExit("this C library cannot keep freed memory: nothing to compare")
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step(trained)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[2:])


def network(backbone: str) -> DeepLab:
    torch.manual_seed(0)
    made = build(ModelConfig(backbone=backbone, output_stride=16, init="random"))
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
    return made.to(memory_format=torch.channels_last)


def step(trained: DeepLab) -> None:
    pictures = torch.zeros(BATCH, 3, CROP_PX, CROP_PX).to(memory_format=torch.channels_last)
    labels = torch.zeros(BATCH, CROP_PX, CROP_PX, dtype=torch.uint8)
    with torch.autocast("cpu", torch.bfloat16, ARITHMETIC == "bf16-mixed"):
        scores = trained(pictures)
    pixel_loss(scores, labels, loss_stride=4).backward()
    trained.zero_grad()


if __name__ == "__main__":
    main()
