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
from deeplab.labels import label_dtype

# Rows upsampled at a time. So few that the scores stay in the processor's cache, and that OpenBLAS
# does each small product in one thread: its threads lose 100x when other programs keep cores busy.
_BAND_ROWS = 32
_BAND_VALUES = 2**20


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
    """

    scores: NDArray[np.floating[Any]]
    rows: NDArray[np.float64]
    columns: NDArray[np.float64]
    are_probabilities: bool = False

    def bands(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Upsample band by band: pixel rows, and their class scores (K, rows, W), to be kept."""
        for band in self._bands():
            yield band, self._upsample(self.scores, band)

    def whole(self) -> NDArray[np.float32]:
        """Upsample all at once: (K, H, W). That is 84 bytes for each pixel where K is 21."""
        values = np.empty((len(self.scores), len(self.rows), len(self.columns)), dtype=np.float32)
        for band, scores in self.bands():
            values[:, band] = scores
        return values

    def label(self) -> tuple[imaging.LabelMap, NDArray[np.float32]]:
        """Give every pixel the class of its highest score, the first of equals.

        Returns:
            Labels (H, W), and the probability of each pixel's label (H, W), 0..1.
        """
        dtype = label_dtype(len(self.scores))
        labels = np.empty((len(self.rows), len(self.columns)), dtype=dtype)
        confidence = np.empty(labels.shape, dtype=np.float32)
        for band in self._bands():
            if self.are_probabilities:
                labels[band], confidence[band] = self._label_probable(band)
                continue
            scores = self._upsample(self.scores, band)
            labels[band], best = _best_class(scores)
            np.exp(np.subtract(scores, best, out=scores), out=scores)
            np.divide(1, scores.sum(axis=0), out=confidence[band])
        return labels, confidence

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
        height = len(self.rows)
        step = max(1, min(_BAND_ROWS, _BAND_VALUES // (len(self.scores) * len(self.columns))))
        for top in range(0, height, step):
            yield slice(top, min(top + step, height))

    def _upsample(self, scores: NDArray[np.floating[Any]], band: slice) -> NDArray[np.float32]:
        part, rows = _around(scores, self.rows[band])
        source = part.astype(np.float32)  # a copy, which the caller may change
        if _is_one_to_one(rows, source.shape[1]) and _is_one_to_one(self.columns, source.shape[2]):
            return source
        return imaging.sample_scores(source, rows, self.columns)

    def _label_probable(self, band: slice) -> tuple[imaging.LabelMap, NDArray[np.float32]]:
        """Label pixel rows, upsampling only classes that can win: one in three, or fewer."""
        source, _ = _around(self.scores, self.rows[band])
        # The best of K probabilities is 1 / K or more, here and anywhere between the grid points.
        can_win = source.max(axis=(1, 2)) >= 0.9 / len(self.scores)
        winners, best = _best_class(self._upsample(self.scores[can_win], band))
        labels: imaging.LabelMap = np.flatnonzero(can_win).astype(label_dtype(len(can_win)))
        return labels[winners], best

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


def _is_one_to_one(positions: NDArray[np.float64], size: int) -> bool:
    return len(positions) == size and np.array_equal(positions, np.arange(size))


def _best_class(scores: NDArray[np.float32]) -> tuple[imaging.LabelMap, NDArray[np.float32]]:
    """Find the first highest score: (K, H, W) -> labels (H, W), scores (H, W)."""
    # Class by class: several times as fast as `argmax` over the first axis.
    best = scores[0].copy()
    label_map = np.zeros(best.shape, dtype=label_dtype(len(scores)))
    for label in range(1, len(scores)):
        np.copyto(label_map, label, where=scores[label] > best)
        np.maximum(best, scores[label], out=best)
    return label_map, best
