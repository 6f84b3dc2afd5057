"""Peak memory of labelling a large photo at full resolution: as a whole, and in tiles.

The photo is made of the example photos, side by side. Each way is a process of its own, whose peak
of resident memory the system tells. Prints a Markdown table for RESULTS.md.

    python benchmarks/memory.py [--width 8000] [--height 6000] [--memory 1GB] [--weights NAME]
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cold_start import commit, hardware
from PIL import Image

REPOSITORY = Path(__file__).parents[1]

WHOLE = """
import sys
import deeplab
segmenter = deeplab.Segmenter.load(sys.argv[1], longest_side=10**6)
segmenter(sys.argv[2]).save(sys.argv[3])
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--width", type=int, default=8000)
    parser.add_argument("--height", type=int, default=6000)
    parser.add_argument("--memory", default="1GB")
    parser.add_argument("--weights", default="voc12-lite")
    options = parser.parse_args()
    print(f"{hardware()}; commit {commit()}; {options.width}x{options.height} pixels\n")
    print("| way | peak memory, MB | seconds | of whole |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        photo = Path(folder, "photo.jpg")
        make_photo(options.height, options.width).save(photo, quality=90)
        deeplab = Path(sys.executable).with_name("deeplab")
        common = ["--weights", options.weights, "--overwrite", "--out", Path(folder, "tiles")]
        ways = {
            "whole": [sys.executable, "-c", WHOLE, options.weights, photo, Path(folder, "whole")],
            f"tiles, --memory {options.memory}": [
                *(deeplab, "segment", photo, "--memory", options.memory, *common)
            ],
        }
        peaks = []
        for name, command in ways.items():
            peak_mb, seconds = run(command)
            peaks.append(peak_mb)
            print(
                f"| {name} | {peak_mb:.0f} | {seconds:.0f} | {peak_mb / peaks[0]:.3f} |", flush=True
            )
        agreement = np.mean(
            np.asarray(Image.open(Path(folder, "whole.mask.png")))
            == np.asarray(Image.open(Path(folder, "tiles", "photo.mask.png")))
        )
        print(f"\nThe same label at {100 * agreement:.2f} % of the pixels.")


def make_photo(height: int, width: int) -> Image.Image:
    """Lay the example photos side by side, in turn, until the picture is full."""
    photos = [
        Image.open(path).convert("RGB") for path in sorted((REPOSITORY / "examples").glob("*.jpg"))
    ]
    canvas, top, number = Image.new("RGB", (width, height)), 0, 0
    while top < height:
        left, row_height = 0, height
        while left < width:
            photo = photos[number % len(photos)]
            canvas.paste(photo, (left, top))
            left, row_height, number = left + photo.width, min(row_height, photo.height), number + 1
        top += row_height
    return canvas


def run(command: list) -> tuple[float, float]:
    """Run a command to its end: peak of its resident memory in megabytes, and seconds."""
    start = time.perf_counter()
    silent = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    words = [os.fspath(word) for word in command]
    process = os.posix_spawn(command[0], words, os.environ, file_actions=silent)
    _, status, usage = os.wait4(process, 0)
    if status:
        raise SystemExit(f"{command[0]} failed ({os.waitstatus_to_exitcode(status)})")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
    return usage.ru_maxrss * unit / 1e6, time.perf_counter() - start


if __name__ == "__main__":
    main()
