"""How large pictures are cut into overlapping tiles, and how the tiles' scores are blended.

A tile is scored as the `Segmenter` scores a picture: all scales, flip, fused. Its scores are then
added to one grid of the whole picture, which has a score every stride / (largest scale) pixels,
with weights that fall off towards the edges where tiles meet: there a network sees too little of
the picture. Weights of all tiles are 1 in sum, and exactly 1 where there is one tile.

Shapes: K classes, (h, w) the score grid of the whole picture.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.inference.windows import window_starts

OVERLAP = 1 / 4
"""The share of a tile that the next one sees again, if nobody says another."""


@dataclass(frozen=True)
class Side:
    """One side (rows or columns) of a picture that is cut into tiles.

    Attributes:
        length: Its pixels.
        tile: Pixels of a tile.
        starts: Where the tiles begin.
        step: Pixels from one score of the picture's grid to the next.
    """

    length: int
    tile: int
    starts: tuple[int, ...]
    step: float

    @classmethod
    def cut(
        cls, length: int, *, tile: int, overlap: float, stride: int, largest_scale: float
    ) -> "Side":
        """Cut a side.

        Args:
            length: Its pixels.
            tile: Pixels of a tile, at least the stride.
            overlap: The least share of a tile that the next one sees again.
            stride: Of the network, in pixels of what it sees.
            largest_scale: At which the network sees the picture.
        """
        align = alignment(stride, largest_scale)
        align = align if align <= tile / 4 else stride
        starts = window_starts(length, tile, stride=align, overlap=overlap)
        return cls(length, tile, tuple(starts), stride / largest_scale)

    @property
    def num_scores(self) -> int:
        """Count the scores of the picture's grid."""
        return math.floor((self.length - 1) / self.step + 1e-6) + 1

    def end(self, number: int) -> int:
        """Say where a tile ends: its last pixel is the one before."""
        return min(self.starts[number] + self.tile, self.length)

    def points(self, number: int) -> range:
        """List the points of the picture's grid that lie in a tile."""
        first = math.ceil(self.starts[number] / self.step - 1e-6)
        return range(first, math.floor((self.end(number) - 1) / self.step + 1e-6) + 1)

    def positions(self, number: int, grid_step: float) -> NDArray[np.float64]:
        """Say where these points lie on the tile's own grid, of `grid_step` scores a pixel."""
        return (np.array(self.points(number)) * self.step - self.starts[number]) * grid_step

    def weights(self, number: int) -> NDArray[np.float32]:
        """Say how much a tile counts at its points, of all tiles that have them."""
        points = np.array(self.points(number))
        own = self._ramp(number, points)
        total = sum(
            self._ramp(other, points)
            for other in range(len(self.starts))
            if other == number or self._meet(other, number)
        )
        return (own / total).astype(np.float32)

    def num_final(self, number: int) -> int:
        """Count the scores of the grid that no later tile changes."""
        is_last = number == len(self.starts) - 1
        return self.num_scores if is_last else self.points(number + 1).start

    def num_pixels(self, num_final: int) -> int:
        """Count the pixels that lie between scores which are final."""
        if num_final >= self.num_scores:
            return self.length
        return max(0, math.floor((num_final - 1) * self.step + 1e-6) + 1)

    def _meet(self, one: int, other: int) -> bool:
        first, second = self.points(one), self.points(other)
        return first.start < second.stop and second.start < first.stop

    def _ramp(self, number: int, points: NDArray[np.intp]) -> NDArray[np.float64]:
        """Say how far inside a tile points are, in scores; the picture's borders do not count."""
        inside = self.points(number)
        left = points - inside.start + 1 if number > 0 else np.full(len(points), np.inf)
        is_last = number == len(self.starts) - 1
        right = np.full(len(points), np.inf) if is_last else inside.stop - points
        return np.clip(np.minimum(left, right), 0, len(inside)).astype(np.float64)


def alignment(stride: int, largest_scale: float) -> int:
    """Say at multiples of how many pixels tiles begin, so that their scores fall on one grid.

    At scale p / q that is q strides. Where q is large, tiles begin at multiples of the stride, and
    their scores are interpolated.
    """
    ratio = Fraction(largest_scale).limit_denominator(16)
    return stride * ratio.denominator if abs(ratio - Fraction(largest_scale)) < 1e-9 else stride


class ScoreBand:
    """The rows of the picture's score grid that are being made.

    Args:
        num_classes: K.
        rows: How the picture is cut.
        columns: Likewise.
    """

    def __init__(self, num_classes: int, rows: Side, columns: Side) -> None:
        self._rows, self._columns = rows, columns
        self.first = 0
        self.scores = np.zeros((num_classes, 0, columns.num_scores), np.float32)

    def keep(self, first: int, last: int) -> None:
        """Have the grid rows `first` up to `last` (not among them); new ones are zero."""
        kept = self.scores[:, first - self.first : last - self.first]
        new = last - first - kept.shape[1]
        self.scores = np.pad(kept, ((0, 0), (0, new), (0, 0)))
        self.first = first

    def add(
        self,
        row: int,
        column: int,
        scores: NDArray[np.float32],
        grid_steps: tuple[float, float],
    ) -> None:
        """Add the scores of one tile.

        Args:
            row: Number of the tile from the top.
            column: Its number from the left.
            scores: (K, rows, columns), the tile's own grid.
            grid_steps: How far one pixel row, and one pixel column, is on that.
        """
        down = self._rows.positions(row, grid_steps[0])
        right = self._columns.positions(column, grid_steps[1])
        if not (_is_plain(down) and _is_plain(right)):
            scores = imaging.sample_scores(scores, down, right)
        scores = scores[:, : len(down), : len(right)]
        weights = self._rows.weights(row)[:, np.newaxis] * self._columns.weights(column)
        at_columns = self._columns.points(column)
        self.of_tiles(row)[:, :, at_columns.start : at_columns.stop] += scores * weights

    def of_tiles(self, row: int) -> NDArray[np.float32]:
        """Give the part (K, points, w) that a row of tiles lies on: a view, to be changed too."""
        points = self._rows.points(row)
        return self.scores[:, points.start - self.first : points.stop - self.first]


def _is_plain(positions: NDArray[np.float64]) -> bool:
    return bool(np.allclose(positions, np.arange(len(positions)), rtol=0, atol=1e-4))
