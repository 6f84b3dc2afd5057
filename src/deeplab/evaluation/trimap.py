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

import numpy as np
from numpy.typing import NDArray

from deeplab.labels import VOID

WIDTHS = 40
"""The paper draws bands of 1 to 40 pixels."""


@dataclass(frozen=True)
class TrimapCurve:
    """Mean IoU in bands around the boundaries.

    Attributes:
        mean_iou: For bands of 1, 2, ... pixels: 0..1, over all classes, as `Scores.mean_iou`.
        num_pixels: How many pixels the bands have.
    """

    mean_iou: tuple[float, ...]
    num_pixels: tuple[int, ...]


class Trimap:
    """Pixel counts by true and predicted class and by distance to the boundary.

    Args:
        num_classes: K.
        widths: The widest band, pixels.
    """

    def __init__(self, num_classes: int, *, widths: int = WIDTHS) -> None:
        self._counts: NDArray[np.int64] = np.zeros(
            (widths, num_classes, num_classes), dtype=np.int64
        )

    def add(
        self,
        truth: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
        distances: NDArray[np.uint8],
    ) -> None:
        """Count one picture.

        Args:
            truth: True label map (H, W'), 0..K-1 or 255 for void.
            predicted: Predicted label map (H, W'), 0..K-1.
            distances: What `distances_to_void` gives for the truth: the same for all predictions.
        """
        widths, num_classes, _ = self._counts.shape
        is_near = (distances > 0) & (distances <= widths)
        place = (distances[is_near].astype(np.intp) - 1) * num_classes + truth[is_near]
        place = place * num_classes + predicted[is_near]
        self._counts += np.bincount(place, minlength=self._counts.size).reshape(self._counts.shape)

    def curve(self) -> TrimapCurve:
        """Read the curve off the counts so far; without any void it is 0 throughout."""
        bands = self._counts.cumsum(axis=0)
        hits = bands.diagonal(axis1=1, axis2=2)
        either = bands.sum(axis=1) + bands.sum(axis=2) - hits
        mean_iou = (hits / np.maximum(either, 1)).mean(axis=1)  # 0 of 0 pixels is IoU 0: the devkit
        num_pixels = bands.sum(axis=(1, 2))
        return TrimapCurve(tuple(mean_iou.tolist()), tuple(num_pixels.tolist()))


def distances_to_void(truth: NDArray[np.uint8], *, limit: int = WIDTHS) -> NDArray[np.uint8]:
    """Count how many pixels (king's moves) it is from each pixel to the nearest void one.

    Args:
        truth: True label map (H, W').
        limit: The largest distance that is told apart, 1..254.

    Returns:
        (H, W'): 0 on void, `limit + 1` for all that is farther away than `limit`.
    """
    is_reached = truth == VOID
    distances = np.where(is_reached, 0, limit + 1).astype(np.uint8)
    for distance in range(1, limit + 1):
        # A square of 2w + 1 pixels is w squares of 3, one after the other, and each of these is a
        # column of 3 and a row of 3.
        higher = is_reached.copy()
        higher[1:] |= is_reached[:-1]
        higher[:-1] |= is_reached[1:]
        grown = higher.copy()
        grown[:, 1:] |= higher[:, :-1]
        grown[:, :-1] |= higher[:, 1:]
        distances[grown & ~is_reached] = distance
        is_reached = grown
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
