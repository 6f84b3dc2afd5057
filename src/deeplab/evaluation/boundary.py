"""Boundary IoU: the IoU of the bands inside the contours of what is there and what was found.

Reference: Cheng et al., "Boundary IoU", arXiv 2103.16562, section 4, and its published code
(`mask_to_boundary`). The band of a class is what of its pixels lies within d pixels (king's moves)
of a pixel that is not of the class, or of the outside of the picture; d is 2 % of the picture's
diagonal. Large objects are judged by their outlines, small ones as by the plain IoU.

The paper measures objects one by one. Here the pixels of a class in a picture are one mask, and the
sums over all pictures make the IoU of the class, as for the plain IoU. Void is taken out of both
label maps first: pixels that are void in the truth are in no mask and no band, and what borders on
them is contour, in the truth and in the prediction alike.

Shapes: K classes, pictures of H rows and W columns.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.conventions import Convention, mean_over_classes, share
from deeplab.evaluation.measure import PictureResult, State

BAND_SHARE = 0.02
"""Width of the band, of the picture's diagonal: what the paper takes."""


@dataclass(frozen=True)
class BoundaryIou:
    """The IoU in the bands inside the contours.

    Attributes:
        class_iou: Per class, 0..1; 0 for a class with no band at all.
        mean_iou: Mean of `class_iou`, 0..1, as `Scores.mean_iou`.
        intersections: Per class: pixels in both bands, over all pictures.
        unions: Per class: pixels in either band.
    """

    class_iou: tuple[float, ...]
    mean_iou: float
    intersections: tuple[int, ...]
    unions: tuple[int, ...]


class Boundary:
    """Pixels in the bands of each class, summed picture by picture; a `Measure`.

    Args:
        num_classes: K.
        band_share: Width of the band, of the picture's diagonal, above 0.
        convention: What the mean does with classes that are nowhere.
    """

    def __init__(
        self,
        num_classes: int,
        *,
        band_share: float = BAND_SHARE,
        convention: Convention = "devkit",
    ) -> None:
        self._band_share = band_share
        self._convention: Convention = convention
        self._counts: NDArray[np.int64] = np.zeros((2, num_classes), dtype=np.int64)

    def add(self, picture: PictureResult) -> None:
        """Count one picture."""
        num_classes = self._counts.shape[1]
        width = band_width(*picture.truth.shape, band_share=self._band_share)
        truth, is_scored = picture.truth, picture.is_scored
        found = np.where(is_scored, picture.labels, truth)  # void where the truth is
        true_band = inner_band(truth, width) & is_scored
        found_band = inner_band(found, width) & is_scored
        of_true, of_found, of_both = (
            np.bincount(labels, minlength=num_classes)
            for labels in (
                truth[true_band],
                found[found_band],
                truth[true_band & found_band & (truth == found)],
            )
        )
        self._counts += np.stack([of_both, of_true + of_found - of_both])

    def state(self) -> State:
        """Give the counts, to be kept."""
        return {"counts": self._counts.copy()}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from counts that were kept."""
        self._counts[...] = state["counts"]

    def result(self) -> BoundaryIou:
        """Read the IoU off the counts so far."""
        intersections, unions = self._counts
        return BoundaryIou(
            tuple(share(intersections, unions).tolist()),
            float(mean_over_classes(intersections, unions, self._convention)),
            tuple(intersections.tolist()),
            tuple(unions.tolist()),
        )


def band_width(height: int, width: int, *, band_share: float = BAND_SHARE) -> int:
    """Say how many pixels wide the band is in a picture of this size: at least 1.

    Args:
        height: Rows of the picture.
        width: Columns of the picture.
        band_share: Its width, of the picture's diagonal.
    """
    return max(1, round(band_share * math.hypot(height, width)))


def inner_band(labels: NDArray[Any], width: int) -> NDArray[np.bool_]:
    """Mark the pixels near a pixel of another label, or near the outside of the picture: (H, W).

    For every label at once this is its mask less its mask eroded `width` times by a square of 3
    pixels, in a picture that is framed with something else.

    Args:
        labels: (H, W).
        width: Of the band, pixels (king's moves), at least 1.
    """
    # A square holds one label only if each of its rows does, and the column through its middle.
    in_row = _is_steady(labels[:, 1:] == labels[:, :-1], width, axis=1)
    in_column = _is_steady(labels[1:] == labels[:-1], width, axis=0)
    in_rows = _is_steady(in_row, width, axis=0, per_pixel=True)
    return ~(in_rows & in_column)


def _is_steady(
    holds: NDArray[np.bool_], width: int, *, axis: int, per_pixel: bool = False
) -> NDArray[np.bool_]:
    """Say of each pixel whether something holds all the way to `width` pixels on both sides.

    Args:
        holds: For every pixel, or for every pair of neighbours: one fewer along the axis.
        width: Pixels to either side; where these leave the picture the answer is no.
        axis: Along which to look.
        per_pixel: Whether `holds` tells of pixels, not of pairs.
    """
    lines = np.moveaxis(holds, axis, 0)
    length = len(lines) + (0 if per_pixel else 1)
    steady = np.zeros((length, *lines.shape[1:]), dtype=np.bool_)
    span = 2 * width + (1 if per_pixel else 0)
    if length > 2 * width:
        fails = np.zeros((len(lines) + 1, *lines.shape[1:]), dtype=np.int32)
        np.cumsum(~lines, axis=0, out=fails[1:])
        steady[width : length - width] = fails[span:] == fails[:-span]
    return np.moveaxis(steady, 0, axis)
