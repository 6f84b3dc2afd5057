"""Time a cold `deeplab segment` of one photo against `python -c "import torch, torchvision"`.

With the CRF and without. All are new processes with the files already in the disk cache (one round
goes before the first that counts). They take turns, so that whatever else the machine does hits all
alike; the ratio is taken within each round. Prints a Markdown table for RESULTS.md.

    python benchmarks/cold_start.py [--rounds 9] [--weights NAME_OR_FILE]
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

REPOSITORY = Path(__file__).parents[1]
PHOTO_SIZE = (500, 375)  # width, height: what most photos of PASCAL VOC are


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--weights", default="voc12-lite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        Image.open(REPOSITORY / "examples" / "boats.jpg").resize(PHOTO_SIZE).save(photo)
        deeplab = Path(sys.executable).with_name("deeplab")
        segment = [deeplab, "segment", photo, "--out", folder, "--overwrite"]
        torch = [sys.executable, "-c", "import torch, torchvision"]
        commands = {
            "deeplab segment PHOTO": [*segment, "--weights", options.weights],
            "deeplab segment PHOTO --crf": [*segment, "--weights", options.weights, "--crf"],
            'python -c "import torch, torchvision"': torch,
        }
        seconds = measure(commands, options.rounds)
    print_table(seconds)


def measure(commands: dict[str, list], rounds: int) -> dict[str, list[float]]:
    """Run all commands in turn, round after round; the first round does not count."""
    seconds = {name: [] for name in commands}
    for number in range(rounds + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:
                seconds[name].append(time.perf_counter() - start)
    return seconds


def print_table(seconds: dict[str, list[float]]) -> None:
    print(f"{hardware()}; commit {commit()}; {len(next(iter(seconds.values())))} rounds\n")
    print("| command | median | least | most |\n|---|---|---|---|")
    for name, values in seconds.items():
        print_row(f"`{name}`, seconds", values)
    *ours, torch = seconds.values()
    for name, own in zip(seconds, ours, strict=False):
        ratios = [one / other for one, other in zip(own, torch, strict=True)]
        print_row(f"`{name}`, ratio to importing torch", ratios)


def print_row(name: str, values: list[float]) -> None:
    print(f"| {name} | {statistics.median(values):.2f} | {min(values):.2f} | {max(values):.2f} |")


def hardware() -> str:
    """Name the processor, as far as the system tells, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [
            line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")
        ]
        name = models[0].partition(":")[2].strip() if models else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()}, Python {platform.python_version()}"


def commit() -> str:
    """Name the commit, and say so if the files differ from it."""
    git = ["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"]
    return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
