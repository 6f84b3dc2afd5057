"""Large pictures in overlapping windows: memory stays that of one window, at full resolution.

Reference: arXiv 1606.00915, section 4.4 (Cityscapes): pictures of 2048x1024 pixels are split into
overlapping regions. Size and overlap were not published. Class scores of positions that several
windows see are averaged, before scales are fused and before the CRF.

Shapes: N pictures, K classes, (H, W) pixels, (h, w) the score grid, s the output stride.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERLAP = 1 / 3
"""The share of a window that the next one sees again, if nobody says another."""

Score = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Scores pictures: (N, H, W, 3) -> (N, K, h, w), see `Engine`."""


@dataclass(frozen=True)
class Windows:
    """How pictures are cut into windows.

    Attributes:
        height: Pixels; at least the output stride.
        width: Likewise.
        overlap: The share of a window that the next one beside or below sees again, 0..0.9; more
            than that where windows are moved together to end with the picture.
    """

    height: int
    width: int
    overlap: float = OVERLAP

    def __post_init__(self) -> None:
        """Refuse windows without pixels and overlaps that get nowhere."""
        if min(self.height, self.width) < 1:
            raise ValueError(f"window {self.height},{self.width}: give 1 pixel or more")
        if not 0 <= self.overlap <= 0.9:
            raise ValueError(
                f"overlap {self.overlap:g}: give the share of a window that the next one sees "
                "again, 0 to 0.9"
            )

    def cover(self, height: int, width: int) -> bool:
        """Say whether one window is enough for a picture."""
        return height <= self.height and width <= self.width

    def check_stride(self, stride: int) -> None:
        """Refuse windows that are smaller than a network's output stride.

        Raises:
            ValueError: They are.
        """
        if min(self.height, self.width) < stride:
            raise ValueError(
                f"window {self.height},{self.width}: give at least the network's stride, {stride}"
            )

    def score(self, score: Score, pictures: NDArray[np.uint8], stride: int) -> NDArray[np.float32]:
        """Score pictures of one size window by window, averaging where windows overlap.

        Args:
            score: Scores the windows; with stride s, and score (i, j) on pixel (s i, s j).
            pictures: (N, H, W, 3).
            stride: s, at most a window's height and width. Windows begin at multiples of it, so
                that their scores lie on one grid.

        Returns:
            (N, K, ceil(H / s), ceil(W / s)): scores that a window has behind its last pixel are
            left out. Of a picture that is one window, what it is given.
        """
        height, width = pictures.shape[1:3]
        if self.cover(height, width):
            return score(pictures)
        total: NDArray[np.float32] | None = None
        grid = (-(-height // stride), -(-width // stride))
        counts = np.zeros(grid, np.float32)
        for top, left in itertools.product(
            window_starts(height, self.height, stride=stride, overlap=self.overlap),
            window_starts(width, self.width, stride=stride, overlap=self.overlap),
        ):
            window = pictures[:, top : top + self.height, left : left + self.width]
            inside = [-(-length // stride) for length in window.shape[1:3]]
            scores = score(window)[:, :, : inside[0], : inside[1]]
            if total is None:
                total = np.zeros((*scores.shape[:2], *grid), np.float32)
            rows = slice(top // stride, top // stride + scores.shape[2])
            columns = slice(left // stride, left // stride + scores.shape[3])
            total[:, :, rows, columns] += scores
            counts[rows, columns] += 1
        assert total is not None
        return np.divide(total, counts, out=total)


def window_starts(length: int, window: int, *, stride: int, overlap: float) -> list[int]:
    """Say where the windows along one side of a picture begin.

    Each begins at a multiple of the stride; they are spread evenly, and the last one ends with the
    picture (it is up to a stride shorter than the others).

    Args:
        length: Pixels of the side.
        window: Pixels of a window, at least the stride.
        stride: Pixels from one score to the next.
        overlap: The least share of a window that the next one sees again.
    """
    last = -(-max(length - window, 0) // stride)  # in scores, as all that follows
    step = max(1, math.floor(window * (1 - overlap) / stride + 1e-9))
    num_steps = -(-last // step)
    return [stride * round(index * last / max(num_steps, 1)) for index in range(num_steps + 1)]
