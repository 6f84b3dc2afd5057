"""Time the stream of training crops on one core against the training step on two.

Crops are those of the recipe voc12-lite (sizes, colours, pasted objects), cut from real pictures:
PASCAL VOC, CamVid, and Cityscapes at 2048x1024, there also with several crops of each. The
step is the recipe's, 16 crops, in the arithmetic that training would choose. Each runs in a process
of its own; they take turns, round after round, and the ratio is taken within each round. Prints a
Markdown table for RESULTS.md.

    python benchmarks/data.py --data ../shared/data [--rounds 3]
"""

import argparse
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from cold_start import commit, hardware

from deeplab.data import SegmentationData, open_split
from deeplab.data.stream import CropStream
from deeplab.models import initialise
from deeplab.recipes import voc12_lite
from deeplab.training.arithmetic import arithmetic
from deeplab.training.loss import pixel_loss
from deeplab.training.memory import keep_freed_memory
from deeplab.training.optim import freeze, make_optimiser, prepare_batch_norm, set_training

STEPS, CROPS, PICTURES, THREADS = 3, 96, 200, 2
DESCRIPTIONS = {
    "camvid": """
classes: [sky, building, pole, road, pavement, tree, sign, fence, car, pedestrian, bicyclist]
void: [11]
splits: {{train: {{images: {root}/images/train, masks: {root}/masks/train}}}}
""",
    "formats/cityscapes": """
classes: {{{ids}}}
splits:
  train: {{images: {root}/leftImg8bit/train, image_suffix: _leftImg8bit.png,
          masks: {root}/gtFine/train, mask_suffix: _gtFine_labelIds.png}}
""",
}
IDS = ", ".join(f"{number}: id{number}" for number in range(34))  # of Cityscapes, all of them
STREAMS = {
    "PASCAL VOC, 500x375": ("VOCdevkit/VOC2012", "train_here", 1),
    "CamVid, 480x360": ("camvid", "train", 1),
    "Cityscapes, 2048x1024": ("formats/cityscapes", "train", 1),
    "Cityscapes, 4 crops from each picture": ("formats/cityscapes", "train", 4),
    "Cityscapes, 8 crops from each picture": ("formats/cityscapes", "train", 8),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the data sets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", choices=["step", *STREAMS], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part is not None:
        step = options.part == "step"
        print(step_speed() if step else stream_speed(options.part, options.data))
        return
    speeds: dict[str, list[float]] = {name: [] for name in ("step", *STREAMS)}
    for _ in range(options.rounds):
        for name in speeds:
            speeds[name].append(in_own_process(name, options.data))
    config = voc12_lite().train
    print(
        f"recipe voc12-lite, {config.batch_size} crops of {voc12_lite().data.augment.crop_size_px}"
        f" a step, {arithmetic(config)}, {THREADS} threads; {hardware()}; commit {commit()}; "
        f"{options.rounds} rounds\n"
    )
    print("| | crops a second (median) | times the step's |\n|---|---|---|")
    for name, values in speeds.items():
        ratios = [one / step for one, step in zip(values, speeds["step"], strict=True)]
        label = "training step, two cores" if name == "step" else f"{name}, one core"
        print(f"| {label} | {statistics.median(values):.1f} | {statistics.median(ratios):.1f} |")


def in_own_process(part: str, data: Path) -> float:
    command = [sys.executable, __file__, "--data", str(data), "--part", part]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout)


def step_speed() -> float:
    """Take a few steps; crops a second of all but the first."""
    torch.set_num_threads(THREADS)
    keep_freed_memory()
    recipe = voc12_lite()
    config = recipe.train.model_copy(update={"accelerator": "cpu"})
    network = initialise(recipe.model.model_copy(update={"init": "random"}))
    network = network.to(memory_format=torch.channels_last)
    prepare_batch_norm(network, config)
    freeze(network, config)
    set_training(network, config)
    optimiser = make_optimiser(network, config)
    size = recipe.data.augment.crop_size_px
    pictures = torch.zeros(config.batch_size, 3, size, size)
    pictures = pictures.contiguous(memory_format=torch.channels_last)
    labels = torch.zeros(config.batch_size, size, size, dtype=torch.uint8)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, arithmetic(config) == "bf16-mixed"):
            scores = network(pictures)
        pixel_loss(scores, labels, loss_stride=config.loss_stride).backward()
        optimiser.step()
        optimiser.zero_grad()

    step()
    return config.batch_size / statistics.median(seconds(step) for _ in range(STEPS - 1))


def stream_speed(name: str, data: Path) -> float:
    """Cut crops one after the other; crops a second, without the scan at the start."""
    torch.set_num_threads(1)
    folder, split, crops_per_picture = STREAMS[name]
    root = data / folder
    with tempfile.TemporaryDirectory() as described:
        if folder in DESCRIPTIONS:
            text = DESCRIPTIONS[folder].format(root=root.resolve(), ids=IDS)
            root = Path(described, "data.yaml")
            root.write_text(text)
        opened = open_split(root, split)
    some = SegmentationData(opened.samples[:PICTURES], opened.label_set)
    config = voc12_lite().data.model_copy(update={"crops_per_picture": crops_per_picture})
    stream = CropStream(some, config, mean_255=(127.5,) * 3, seed=0)
    stream[0]

    def cut() -> None:
        for position in range(CROPS):
            stream[position]

    return CROPS / seconds(cut)


def seconds(do: Callable[[], None]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    main()
