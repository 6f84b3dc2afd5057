"""How well boundaries are drawn: the score in a band around them, over the width of the band.

Reference: arXiv 1606.00915, section 4.1.2 and figure 10; the devkit-like MyVOCevalsegBoundary.m of
the authors. VOC marks the boundaries of objects as void. The band of width w is what a square of
2w + 1 pixels reaches from void, less void itself; the IoU comes from the confusion matrix of all
pictures, restricted to the band.

Shapes: K classes, W widths, pictures of H rows and W' columns.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.conventions import Convention, mean_over_classes
from deeplab.evaluation.measure import PictureResult, State
from deeplab.labels import VOID

WIDTHS = 40
"""The paper draws bands of 1 to 40 pixels."""


@dataclass(frozen=True)
class TrimapCurve:
    """Mean IoU in bands around the boundaries.

    Attributes:
        mean_iou: For bands of 1, 2, ... pixels: 0..1, as `Scores.mean_iou`.
        num_pixels: How many pixels the bands have.
    """

    mean_iou: tuple[float, ...]
    num_pixels: tuple[int, ...]


class Trimap:
    """Pixel counts by class and by distance to the boundary; a `Measure`.

    Args:
        num_classes: K.
        widths: The widest band, pixels.
        convention: What the mean does with classes that are nowhere in a band.
    """

    def __init__(
        self, num_classes: int, *, widths: int = WIDTHS, convention: Convention = "devkit"
    ) -> None:
        self._convention: Convention = convention
        # Pixels called what they are, of the class, called it; at 1, 2, ... pixels from void.
        self._counts: NDArray[np.int64] = np.zeros((3, widths, num_classes), dtype=np.int64)

    def add(self, picture: PictureResult) -> None:
        """Count one picture."""
        _, widths, num_classes = self._counts.shape
        distances = distances_to_void(picture.truth, void=picture.void, limit=widths)
        is_near = (distances > 0) & (distances <= widths)
        truth, predicted = picture.truth[is_near], picture.labels[is_near]
        row = (distances[is_near].astype(np.intp) - 1) * num_classes
        is_hit = truth == predicted
        for counts, places in zip(
            self._counts,
            (row[is_hit] + truth[is_hit], row + truth, row + predicted),
            strict=True,
        ):
            counts += np.bincount(places, minlength=counts.size).reshape(counts.shape)

    def state(self) -> State:
        """Give the counts so far."""
        return {"counts": self._counts.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from counts that were kept."""
        self._counts[...] = state["counts"]

    def result(self) -> TrimapCurve:
        """Read the curve off the counts so far; without any void it is 0 throughout."""
        hits, truth, predicted = self._counts.cumsum(axis=1)
        mean_iou = mean_over_classes(hits, truth + predicted - hits, self._convention)
        return TrimapCurve(tuple(mean_iou.tolist()), tuple(truth.sum(axis=1).tolist()))


def distances_to_void(
    truth: NDArray[Any], *, void: int = VOID, limit: int = WIDTHS
) -> NDArray[np.uint8]:
    """Count how many pixels (king's moves) it is from each pixel to the nearest void one.

    Args:
        truth: True label map (H, W').
        void: The label that is void.
        limit: The largest distance that is told apart, 1..254.

    Returns:
        (H, W'): 0 on void, `limit + 1` for all that is farther away than `limit`.
    """
    is_reached = truth == void
    distances = np.full(truth.shape, limit + 1, dtype=np.uint8)
    distances -= is_reached
    for _ in range(limit):
        # A square of 2w + 1 pixels is w squares of 3, one after the other, and each of these is a
        # column of 3 and a row of 3. What it reaches is one pixel nearer than was thought: plain
        # sweeps over bytes, which are faster than an algorithm of fewer steps would be.
        higher = is_reached.copy()
        higher[1:] |= is_reached[:-1]
        higher[:-1] |= is_reached[1:]
        is_reached = higher.copy()
        is_reached[:, 1:] |= higher[:, :-1]
        is_reached[:, :-1] |= higher[:, 1:]
        distances -= is_reached
    return distances


def curves_to_csv(curves: Mapping[str, TrimapCurve]) -> str:
    """Write `width_px`, then `mean_iou` (0..1) and `pixels` of every curve, a row for each width.

    Args:
        curves: By name, such as "with CRF"; all with the same widths.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    headings = [f"{measure} {name}" for name in curves for measure in ("mean_iou", "pixels")]
    rows.writerow(("width_px", *headings))
    columns = [column for curve in curves.values() for column in (curve.mean_iou, curve.num_pixels)]
    rows.writerows(
        (width, *values) for width, values in enumerate(zip(*columns, strict=True), start=1)
    )
    return text.getvalue()
