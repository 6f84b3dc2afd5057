"""Time training steps on the CPU: our depthwise gradients and memory setting against torch's own.

The same network, batch and step; the variants take turns, round after round, and the ratio is
taken within each round. Prints a Markdown table for RESULTS.md.

    python benchmarks/training_step.py [--rounds 5] [--backbone efficientnet_lite2]
"""

import argparse
import ctypes
import statistics
import time
from collections.abc import Callable

import torch
from cold_start import commit, hardware
from torch import nn

from deeplab.models import DeepLab, ModelConfig, build
from deeplab.models.depthwise import DepthwiseConv2d
from deeplab.training.loss import pixel_loss
from deeplab.training.memory import keep_freed_memory

BATCH, CROP_PX = 8, 321
M_MMAP_MAX, MMAP_MAX_DEFAULT = -4, 65536  # malloc.h


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backbone", default="efficientnet_lite2")
    options = parser.parse_args()
    ours = network(options.backbone)
    theirs = network(options.backbone)
    for module in theirs.modules():
        if isinstance(module, DepthwiseConv2d):
            module.__class__ = nn.Conv2d
    variants: dict[str, Callable[[], None]] = {
        "torch as it comes": lambda: (return_freed_memory(), step(theirs)),
        "our depthwise gradients": lambda: (return_freed_memory(), step(ours)),
        "and freed memory kept": lambda: (keep_freed_memory(), step(ours)),
    }
    seconds = measure(variants, options.rounds)
    print(
        f"{options.backbone}, output stride 16, {BATCH} crops of {CROP_PX}, bfloat16, "
        f"channels_last; {hardware()}; commit {commit()}; {options.rounds} rounds\n"
    )
    print("| one step | median seconds | times as fast as torch |\n|---|---|---|")
    for name, values in seconds.items():
        first = seconds["torch as it comes"]
        ratios = [other / one for one, other in zip(values, first, strict=True)]
        print(f"| {name} | {statistics.median(values):.2f} | {statistics.median(ratios):.2f} |")


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
    with torch.autocast("cpu", torch.bfloat16):
        scores = trained(pictures)
    pixel_loss(scores, labels, loss_stride=4).backward()
    trained.zero_grad()


def return_freed_memory() -> None:
    """Undo `keep_freed_memory`, for the variants without it."""
    ctypes.CDLL(None).mallopt(M_MMAP_MAX, MMAP_MAX_DEFAULT)


def measure(variants: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Run all variants in turn; two rounds go before the first that counts."""
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 2):
        for name, run in variants.items():
            start = time.perf_counter()
            run()
            if number > 1:
                seconds[name].append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
