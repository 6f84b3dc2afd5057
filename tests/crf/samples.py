"""What the tests of the CRF refine: parts of a real photo, and smooth scores that do not fit it."""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging

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
