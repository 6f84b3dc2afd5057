"""Tiny data sets for the tests of `deeplab data init`: every picture is another scene."""

from pathlib import Path

import numpy as np
from PIL import Image

HEIGHT, WIDTH = 30, 40


def write_picture(path: Path, seed: int, *, height: int = HEIGHT, width: int = WIDTH) -> None:
    """Write a picture that no other seed's is a near-duplicate of."""
    random = np.random.default_rng(seed)
    noise = Image.fromarray(random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    noise.resize((width, height), Image.Resampling.BICUBIC).save(path)


def labels_of(seed: int, values=(0, 1, 2)) -> np.ndarray:
    """Stripes of the values, the borders at other columns in each."""
    width = 3 + seed % 5
    return np.array(values)[np.arange(WIDTH) // width % len(values)][np.newaxis].repeat(HEIGHT, 0)


def write_labels(path: Path, seed: int, values=(0, 1, 2)) -> None:
    """Write a grey label map, or one in colours if the values are colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(labels_of(seed, values).astype(np.uint8)).save(path)


def write_pair(root: Path, picture: str, labels: str, seed: int, values=(0, 1, 2)) -> None:
    write_picture(root / picture, seed)
    write_labels(root / labels, seed, values)
