"""Calibration: is what gets a probability of 0.8 right in 80 of 100 pixels?

Reference: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, section 2. The
confidence of a pixel is the probability of the label it was given. Pixels are sorted into equal
bins of confidence; in each, the mean confidence is held against the share that is right. Void
pixels are left out; all pixels of the data set count the same.

Shapes: K classes, B bins, pictures of H rows and W columns.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.measure import PictureResult, State

NUM_BINS = 15
"""As in the paper."""


@dataclass(frozen=True)
class Reliability:
    """How far confidence and accuracy agree; all but the counts are fractions, 0..1.

    Attributes:
        num_pixels: Per bin of confidence, from 0 to 1: how many pixels fell into it.
        confidence: Per bin: their mean confidence; 0 where there are none.
        accuracy: Per bin: the share of them that was right; 0 where there are none.
        brier: Mean square of confidence less 1 where right, less 0 where wrong (0 is best).
        class_error: Per class: the expected error among the pixels that were given its label.
    """

    num_pixels: tuple[int, ...]
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    brier: float
    class_error: tuple[float, ...]

    @property
    def expected_error(self) -> float:
        """ECE: how far confidence is from accuracy, a mean over all pixels."""
        return self._mean(self._gaps())

    @property
    def largest_error(self) -> float:
        """MCE: the same in the bin where it is worst."""
        return max(self._gaps())

    @property
    def mean_confidence(self) -> float:
        """Mean over all pixels."""
        return self._mean(self.confidence)

    @property
    def mean_accuracy(self) -> float:
        """The share of all pixels that was right, as `Scores.pixel_accuracy`."""
        return self._mean(self.accuracy)

    def _gaps(self) -> tuple[float, ...]:
        pairs = zip(self.confidence, self.accuracy, strict=True)
        return tuple(abs(confidence - accuracy) for confidence, accuracy in pairs)

    def _mean(self, of_bins: tuple[float, ...]) -> float:
        weighted = zip(of_bins, self.num_pixels, strict=True)
        return sum(value * count for value, count in weighted) / max(sum(self.num_pixels), 1)


class Calibration:
    """Pixels, hits and confidences by the label given and by bin, summed picture by picture.

    A `Measure`.

    Args:
        num_classes: K.
        num_bins: B, equal parts of 0..1; a confidence on an edge counts above it, 1 in the last.
    """

    def __init__(self, num_classes: int, *, num_bins: int = NUM_BINS) -> None:
        shape = (num_classes, num_bins)
        self._pixels: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        self._hits: NDArray[np.int64] = np.zeros(shape, dtype=np.int64)
        self._confidence: NDArray[np.float64] = np.zeros(shape)
        self._squares: NDArray[np.float64] = np.zeros(shape)

    def add(self, picture: PictureResult) -> None:
        """Count one picture.

        Raises:
            ValueError: Its confidence is not known.
        """
        if picture.confidence is None:
            raise ValueError(
                f"{picture.name}: label maps alone have no confidence; leave calibration out"
            )
        num_classes, num_bins = self._pixels.shape
        labels = picture.labels[picture.is_scored]
        sure = picture.confidence[picture.is_scored].astype(np.float64).clip(0, 1)
        is_right = picture.truth[picture.is_scored] == labels
        bins = np.minimum((sure * num_bins).astype(np.intp), num_bins - 1)
        place = labels.astype(np.intp) * num_bins + bins

        def total(values: NDArray[Any] | None = None) -> NDArray[Any]:
            summed = np.bincount(place, values, minlength=num_classes * num_bins)
            return summed.reshape(num_classes, num_bins)

        self._pixels += total()
        self._hits += np.bincount(place[is_right], minlength=self._hits.size).reshape(
            self._hits.shape
        )
        self._confidence += total(sure)
        self._squares += total((sure - is_right) ** 2)

    def state(self) -> State:
        """Give the sums, to be kept."""
        return {name: sums.copy() for name, sums in self._sums().items()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from sums that were kept."""
        for name, sums in self._sums().items():
            sums[...] = state[name]

    def result(self) -> Reliability:
        """Read the measures off the sums so far."""
        pixels, hits = self._pixels.sum(axis=0), self._hits.sum(axis=0)
        confidence = self._confidence.sum(axis=0)
        count = np.maximum(pixels, 1)
        gaps = np.abs(self._confidence - self._hits).sum(axis=1)
        class_error = gaps / np.maximum(self._pixels.sum(axis=1), 1)
        return Reliability(
            num_pixels=tuple(pixels.tolist()),
            confidence=tuple((confidence / count).tolist()),
            accuracy=tuple((hits / count).tolist()),
            brier=float(self._squares.sum() / max(int(pixels.sum()), 1)),
            class_error=tuple(class_error.tolist()),
        )

    def _sums(self) -> State:
        return {
            "pixels": self._pixels,
            "hits": self._hits,
            "confidence": self._confidence,
            "squares": self._squares,
        }


def reliabilities_to_csv(reliabilities: Mapping[str, Reliability]) -> str:
    """Write `of,from,to,pixels,confidence,accuracy`, a row for each bin; an empty one has no means.

    Args:
        reliabilities: By name, such as "with CRF", which stands in the first column.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("of", "from", "to", "pixels", "confidence", "accuracy"))
    for name, one in reliabilities.items():
        num_bins = len(one.num_pixels)
        for place, count in enumerate(one.num_pixels):
            means = (one.confidence[place], one.accuracy[place]) if count else ("", "")
            edges = (f"{place / num_bins:.4f}", f"{(place + 1) / num_bins:.4f}")
            rows.writerow((name, *edges, count, *means))
    return text.getvalue()
