"""A picture with its class scores: what a network gives, before anything is decided.

Shapes: K classes, (H, W) the picture, (H', W') the picture that was scored, (h, w) the score grid.
"""

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.crf import DenseCRF
from deeplab.inference.grid import ScoreGrid
from deeplab.labels import label_dtype

_SMALLEST_PROBABILITY = 1e-20  # keeps the logarithm finite


@dataclass(frozen=True, eq=False)
class ScoredPicture:
    """A picture and its class scores.

    Attributes:
        picture: (H, W, 3) as it was given, upright.
        seen: (H', W', 3) what was scored: the picture, shrunk if it was too large.
        grid: The scores, and where the pixels of `picture` lie on their grid.
        seen_grid: The same scores, and where the pixels of `seen` lie.
    """

    picture: imaging.Picture
    seen: imaging.Picture
    grid: ScoreGrid
    seen_grid: ScoreGrid

    @classmethod
    def place(
        cls,
        picture: imaging.Picture,
        seen: imaging.Picture,
        scores: NDArray[np.float32],
        *,
        grid_steps: tuple[float, float],
        are_probabilities: bool = False,
        threads: int | None = None,
    ) -> "ScoredPicture":
        """Say where pixels lie between scores.

        Args:
            picture: (H, W, 3).
            seen: (H', W', 3).
            scores: (K, h, w); score (0, 0) belongs to pixel (0, 0) of `seen`.
            grid_steps: How far one pixel row, and one pixel column, of `seen` is on the grid.
            are_probabilities: The scores are probabilities.
            threads: Processor threads for all that is made of the scores but the CRF, at most;
                None: one for each core.
        """
        sizes = zip(picture.shape[:2], seen.shape[:2], grid_steps, strict=True)
        axes = [
            (positions_on(length, shorter) * step, np.arange(shorter) * step)
            for length, shorter, step in sizes
        ]
        (rows, seen_rows), (columns, seen_columns) = axes
        return cls(
            picture,
            seen,
            ScoreGrid(scores, rows, columns, are_probabilities, threads),
            ScoreGrid(scores, seen_rows, seen_columns, are_probabilities, threads),
        )

    def refine(self, crf: DenseCRF) -> ScoreGrid:
        """Refine the scores with the fully connected CRF (arXiv 1606.00915, section 3.3).

        It runs on the picture that was scored, so its standard deviations are pixels of that one,
        and a photo of 24 megapixels costs no more than what it is shrunk to. A picture that is not
        shrunk takes 8 K bytes for each pixel here (336 MB for 2 megapixels and 21 classes), and
        what the CRF itself needs: limit the longest side for large ones.

        Returns:
            The marginals (K, H', W') as probabilities, with the positions of the pixels of
            `picture` between them.
        """
        return self._on_picture(crf.refine(self.seen, self._unary()))

    def labels_of(self, crfs: Iterable[DenseCRF]) -> Iterator[imaging.LabelMap]:
        """Label every pixel with one CRF after the other: (H, W) each, as `refine` does it."""
        unary = self._unary()
        for crf in crfs:
            if self.picture.shape == self.seen.shape:
                labels = crf.labels(self.seen, unary)  # the marginals are not stored
                yield labels.astype(label_dtype(len(unary)), copy=False)
            else:
                yield self._on_picture(crf.refine(self.seen, unary)).label()[0]

    def compact(self) -> "ScoredPicture":
        """Store the scores in 16 bits: for keeping many; differences between classes stay."""
        scores = self.grid.scores
        if not self.grid.are_probabilities:  # softmax does not see what all classes share
            scores = (scores - scores.max(axis=0)).clip(min=np.finfo(np.float16).min)
        short = scores.astype(np.float16)
        return dataclasses.replace(
            self,
            grid=dataclasses.replace(self.grid, scores=short),
            seen_grid=dataclasses.replace(self.seen_grid, scores=short),
        )

    def _unary(self) -> NDArray[np.float32]:
        """Upsample the scores to the picture that was scored: (K, H', W')."""
        values = self.seen_grid.whole()
        if self.seen_grid.are_probabilities:
            np.log(np.maximum(values, _SMALLEST_PROBABILITY, out=values), out=values)
        return values

    def _on_picture(self, marginals: NDArray[np.float32]) -> ScoreGrid:
        rows, columns = (
            positions_on(length, shorter)
            for length, shorter in zip(self.picture.shape[:2], self.seen.shape[:2], strict=True)
        )
        return ScoreGrid(
            marginals, rows, columns, are_probabilities=True, threads=self.grid.threads
        )


def positions_on(length: int, other: int) -> NDArray[np.float64]:
    """Say where the pixels of a row lie on the same row, shrunk or grown: (length,) positions.

    Args:
        length: Pixels of the row.
        other: Pixels of the other one; shrinking keeps the outer edges, as `shrink_picture` does.
    """
    if length == other:
        return np.arange(length, dtype=np.float64)
    return np.asarray((np.arange(length) + 0.5) * (other / length) - 0.5)
