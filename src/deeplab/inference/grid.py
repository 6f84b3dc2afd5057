"""Class scores or probabilities on a grid, and where the pixels of a picture lie between them.

Shapes: K classes, (H, W) the picture, (h, w) the grid. Values are upsampled before the argmax,
never the label map, and a band of rows at a time: memory stays bounded for large photos.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.inference import upsampling


@dataclass(frozen=True, eq=False)
class ScoreGrid:
    """Class scores, or probabilities, and where the pixels of a picture lie between them.

    Attributes:
        scores: (K, h, w) class scores (before softmax), or probabilities; float32, or float16 to
            save memory.
        rows: (H,) position of each pixel row, in rows of `scores`; never falling, clamped at the
            borders.
        columns: (W,) likewise.
        are_probabilities: `scores` are probabilities: 0..1, and 1 in sum over the classes.
        threads: Processor threads that upsample and label, at most; None: one for each core.
    """

    scores: NDArray[np.floating[Any]]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    are_probabilities: bool = False
    threads: int | None = None

    def bands(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Upsample band by band: pixel rows, and their class scores (K, rows, W), to be kept."""
        for band in self._bands():
            yield band, self._upsample(self.scores, band)

    def whole(self) -> NDArray[np.float32]:
        """Upsample all at once: (K, H, W). That is 84 bytes for each pixel where K is 21."""
        return self._upsample(self.scores, slice(None))

    def label(self) -> tuple[imaging.LabelMap, NDArray[np.float32]]:
        """Give every pixel the class of its highest score, the first of equals.

        Returns:
            Labels (H, W), and the probability of each pixel's label (H, W), 0..1.
        """
        return upsampling.label(
            self.scores.astype(np.float32, copy=False),
            self.rows,
            self.columns,
            are_probabilities=self.are_probabilities,
            threads=self.threads,
        )

    def probability_bands(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Compute probabilities band by band: pixel rows, and (K, rows, W), 0..1."""
        for band, scores in self.bands():
            if not self.are_probabilities:
                np.exp(scores - scores.max(axis=0), out=scores)
                np.divide(scores, scores.sum(axis=0), out=scores)
            yield band, scores

    def probabilities_by_class(self) -> Iterator[NDArray[np.float32]]:
        """Compute probabilities one class after the other, each in bands of rows (rows, W).

        All classes at once would not fit into memory for large photos.
        """
        log_sum = None if self.are_probabilities else self._log_sum()
        for label in range(len(self.scores)):
            one_class = self.scores[label : label + 1]
            for band in self._bands():
                values = self._upsample(one_class, band)[0]
                yield values if log_sum is None else np.exp(values - log_sum[band])

    def _bands(self) -> Iterator[slice]:
        return upsampling.bands(len(self.scores), len(self.rows), len(self.columns))

    def _upsample(self, scores: NDArray[np.floating[Any]], band: slice) -> NDArray[np.float32]:
        part, rows = _around(scores, self.rows[band])
        values = part.astype(np.float32, copy=False)
        return upsampling.upsample(values, rows, self.columns, threads=self.threads)

    def _log_sum(self) -> NDArray[np.float32]:
        log_sum = np.empty((len(self.rows), len(self.columns)), dtype=np.float32)
        for band, scores in self.bands():
            best = scores.max(axis=0)
            log_sum[band] = best + np.log(np.exp(scores - best).sum(axis=0))
        return log_sum


def _around(
    scores: NDArray[np.floating[Any]], rows: NDArray[np.float64]
) -> tuple[NDArray[np.floating[Any]], NDArray[np.float64]]:
    """Cut out the grid rows that pixel rows lie between, and give the positions within them."""
    rows = np.clip(rows, 0, scores.shape[1] - 1)
    first, last = int(rows[0]), int(np.ceil(rows[-1]))  # positions never fall
    return scores[:, first : last + 1], rows - first
