"""Regions of a picture that belong to one class, and how each is painted onto a label map.

Polygons are filled by pycocotools, as COCO, CVAT and Label Studio do it, or by Pillow, as labelme
does it. Coordinates are pixels, x to the right, y down; (0, 0) is the outer corner of the first
pixel for pycocotools and its centre for Pillow.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageDraw

from deeplab.data.run_lengths import mask_of_columns, uncompress
from deeplab.imaging import LabelMap

Paint = Callable[[LabelMap, int], None]
"""Paints a region: onto a label map (H, W), changed in place, with a label."""

Draw = Callable[[ImageDraw.ImageDraw], None]
"""Draws onto an empty picture of 8 bits with 1."""

_ELLIPSE_CORNERS = 360


@dataclass(frozen=True)
class Region:
    """A part of a picture.

    Attributes:
        class_name: What it shows; None: void.
        paint: Paints it; raises ValueError if it does not fit the picture.
    """

    class_name: str | None
    paint: Paint


def polygons(parts: Sequence[ArrayLike], where: str) -> Paint:
    """Fill the union of polygons as pycocotools does it.

    Args:
        parts: Of each the corners, (N, 2), N at least 3.
        where: For messages.
    """

    def paint(labels: LabelMap, label: int) -> None:
        from pycocotools import mask

        height, width = labels.shape
        flat = [_within(np.asarray(part, float), labels, where).ravel().tolist() for part in parts]
        runs = mask.merge(mask.frPyObjects(flat, height, width))["counts"].decode()
        counts = np.array(uncompress(runs, where), np.int64)
        labels[mask_of_columns(counts, height, width, where)] = label

    return paint


def drawn(draw: Draw, corners: ArrayLike, where: str) -> Paint:
    """Paint what Pillow draws.

    Args:
        draw: Draws it.
        corners: (N, 2), what it reaches to, to check that it belongs to the picture.
        where: For messages.
    """

    def paint(labels: LabelMap, label: int) -> None:
        _within(np.asarray(corners, float), labels, where)
        image = Image.new("L", labels.shape[::-1])
        draw(ImageDraw.Draw(image))
        labels[np.asarray(image) > 0] = label

    return paint


def patch(mask: Callable[[], NDArray[np.bool_]], *, top: int, left: int, where: str) -> Paint:
    """Paint where a small mask, laid on the picture, is true; what hangs over is cut off.

    Args:
        mask: Gives it, (h, w).
        top: Row of the picture on which its first row lies.
        left: Column, likewise.
        where: For messages.
    """

    def paint(labels: LabelMap, label: int) -> None:
        small = mask()
        rows, columns = small.shape
        height, width = labels.shape
        if top >= height or left >= width or top + rows <= 0 or left + columns <= 0:
            raise ValueError(
                f"{where}: a mask of {columns}x{rows} at ({left}, {top}) lies out of the picture "
                f"of {width}x{height}"
            )
        cut = small[max(-top, 0) : height - top, max(-left, 0) : width - left]
        target = labels[max(top, 0) : top + rows, max(left, 0) : left + columns]
        target[cut] = label

    return paint


def whole_mask(mask: Callable[[int, int], NDArray[np.bool_]]) -> Paint:
    """Paint where a mask, made for height and width of the picture, is true."""

    def paint(labels: LabelMap, label: int) -> None:
        labels[mask(*labels.shape)] = label

    return paint


def rotate(corners: ArrayLike, centre: tuple[float, float], degrees: float) -> NDArray[np.float64]:
    """Turn points about a centre, clockwise as seen on the picture: (N, 2) to (N, 2)."""
    angle = math.radians(degrees)
    matrix = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return np.asarray((np.asarray(corners, float) - centre) @ matrix + centre)


def box_corners(left: float, top: float, right: float, bottom: float) -> NDArray[np.float64]:
    """Give the four corners of a box, (4, 2)."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)


def ellipse_corners(
    centre: tuple[float, float], radius_x: float, radius_y: float
) -> NDArray[np.float64]:
    """Give a polygon that is an ellipse but for a small part of a pixel."""
    angles = np.linspace(0, 2 * np.pi, _ELLIPSE_CORNERS, endpoint=False)
    return np.stack([np.cos(angles) * radius_x, np.sin(angles) * radius_y], axis=1) + centre


def area(corners: ArrayLike) -> float:
    """Measure a polygon (N, 2), in pixels."""
    x, y = np.asarray(corners, float).T
    open_sum = np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])
    return float(abs(open_sum + x[-1] * y[0] - x[0] * y[-1]) / 2)


def _within(corners: NDArray[np.float64], labels: LabelMap, where: str) -> NDArray[np.float64]:
    """Refuse what reaches further out of a picture than the picture is large."""
    size = np.array(labels.shape[::-1], float)
    if not np.isfinite(corners).all() or ((corners < -size) | (corners > 2 * size)).any():
        worst = corners[np.argmax(np.abs(np.nan_to_num(corners, nan=np.inf)).max(axis=1))]
        raise ValueError(
            f"{where}: a point ({worst[0]:g}, {worst[1]:g}) far out of the picture of "
            f"{labels.shape[1]}x{labels.shape[0]}; is it annotated at another size?"
        )
    return corners
