"""A small data set without any fault, to put faults into."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing
from deeplab.labels import voc_palette

SIZE = (48, 64)
CLASSES = ("ground", "thing", "other")


def make_set(
    root: Path, *, classes: tuple[str, ...] = CLASSES, counts: dict[str, int] | None = None, more=""
) -> Path:
    """Write `images/SPLIT/N.png`, `masks/SPLIT/N.png` and a `data.yaml`; all classes in each."""
    random = np.random.default_rng(0)
    counts = counts or {"train": 6, "val": 3}
    for split, count in counts.items():
        (root / "images" / split).mkdir(parents=True)
        (root / "masks" / split).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(make_picture(random)).save(root / f"images/{split}/{number}.png")
            write_labels(root / f"masks/{split}/{number}.png", make_labels(len(classes)))
    splits = "".join(f"  {one}: {{images: images/{one}, masks: masks/{one}}}\n" for one in counts)
    text = f"classes: [{', '.join(classes)}]\n{more}splits:\n{splits}"
    (root / "data.yaml").write_text(text)
    return root


def make_picture(random: np.random.Generator, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Draw coarse noise: no two are alike, and JPEG does not change them much."""
    coarse = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize(size[::-1], Image.Resampling.BICUBIC))


def make_labels(num_classes: int, size: tuple[int, int] = SIZE) -> NDArray[np.uint8]:
    """Draw one upright stripe for each class, a void column behind each."""
    labels = (np.arange(size[1]) * num_classes // size[1]).astype(np.uint8)
    labels[:-1][np.diff(labels) > 0] = 255
    return np.tile(labels, (size[0], 1))


def write_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    drawing.write_label_map(path, labels, voc_palette(20))


def label_paths(root: Path, split: str = "*") -> list[Path]:
    return sorted(root.glob(f"masks/{split}/*"))


def picture_paths(root: Path, split: str = "*") -> list[Path]:
    return sorted(root.glob(f"images/{split}/*"))
