"""What the tests of the CRF refine: parts of a real photo, and smooth scores that do not fit it."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging

Sample = tuple[NDArray[np.uint8], NDArray[np.float32]]
"""A picture and its scores."""

PHOTO_PATH = Path(__file__).parents[2] / "examples" / "cat.jpg"


@cache
def _photo() -> NDArray[np.uint8]:
    return imaging.read_picture(PHOTO_PATH)


def picture(height: int = 60, width: int = 80, channels: int = 3) -> NDArray[np.uint8]:
    """Part of a photo; channels after the third repeat the first ones, mirrored."""
    part = _photo()[60 : 60 + height, 100 : 100 + width]
    everything = np.concatenate([part, part[::-1], part[:, ::-1]], axis=2)
    return np.ascontiguousarray(everything[..., :channels])


def scores(
    num_labels: int = 5, height: int = 60, width: int = 80, *, seed: int = 0
) -> NDArray[np.float32]:
    """Smooth random scores with some noise: most within -6..6."""
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 3, (num_labels, 5, 7)).astype(np.float32)
    rows, columns = np.linspace(0, 4, height), np.linspace(0, 6, width)
    smooth = imaging.sample_scores(coarse, rows, columns)
    noise = random.normal(0, 0.5, smooth.shape).astype(np.float32)
    return np.ascontiguousarray(smooth + noise)


def real(voc_root: Path) -> list[Sample]:
    """Parts (60, 80) from the middle of real pictures, with the scores of a real network."""
    found = []
    for path in sorted((voc_root.parents[1] / "voc12_scores_60").glob("*.npz"))[::5]:
        with np.load(path) as file:
            (key,) = set(file) - {"size"}
            grid = file[key].astype(np.float32)  # 8 pixels from one to the next
        whole = imaging.read_picture(voc_root / "JPEGImages" / f"{path.stem}.jpg")
        top, left = whole.shape[0] // 2 - 30, whole.shape[1] // 2 - 40
        rows, columns = (top + np.arange(60)) / 8, (left + np.arange(80)) / 8
        part = np.ascontiguousarray(whole[top : top + 60, left : left + 80])
        found.append((part, imaging.sample_scores(grid, rows, columns)))
    return found
