"""One picture looked at closely: the photo, the truth, what was found, and where that is wrong."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging
from deeplab.labels import LabelSet

_WRONG = np.array((214, 39, 40), np.float32)
_VOID = np.array((150, 150, 150), np.float32)
_SIDE = 480  # pixels of the longest side: pages show no more
_MOST_NAMES = 6

Drawing = tuple[NDArray[np.uint8], str]
"""A picture (H, W, 3) and the line below it."""


def draw_close_up(
    picture: NDArray[np.uint8],
    truth: NDArray[Any],
    found: Mapping[str, NDArray[Any]],
    *,
    label_set: LabelSet,
) -> list[Drawing]:
    """Draw a picture, its truth, and for each prediction the labels and the errors.

    Args:
        picture: (H, W, 3).
        truth: True label map (H, W): 0..K-1; all above is void.
        found: Predicted label maps (H, W), 0..K-1, by whose they are; "" if there is but one.
        label_set: Names and colours of the K classes.

    Returns:
        The photo, the truth, and a pair for each prediction; no longer than 480 pixels. The lines
        tell which classes are in colour, the largest first.
    """
    small = imaging.shrink_picture(picture, _SIDE)
    size = small.shape[:2]
    palette, num_classes = label_set.palette, len(label_set.palette)
    true = _pick(truth, size)
    drawings = [
        (small, "photo"),
        (drawing.overlay(small, true, palette), f"truth{_names(truth, label_set)}"),
    ]
    for name, labels in found.items():
        whose = f"{name}: " if name else ""
        shown = _pick(labels, size)
        line = f"{whose}found{_names(labels, label_set)}"
        drawings.append((drawing.overlay(small, shown, palette), line))
        is_wrong = (truth != labels) & (truth < num_classes)
        drawings.append((error_map(small, is_wrong, truth >= num_classes), f"{whose}wrong"))
    return drawings


def error_map(
    picture: NDArray[np.uint8], is_wrong: NDArray[np.bool_], is_void: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    """Draw what is wrong in red and what is void in grey over a pale grey picture: (H, W, 3).

    Args:
        picture: (H, W, 3).
        is_wrong: (H', W'), larger or of the same size: thin errors stay to be seen.
        is_void: (H', W').
    """
    height, width = picture.shape[:2]
    grey = np.asarray(Image.fromarray(picture).convert("L"), dtype=np.float32)
    drawn = np.repeat((110 + grey * 0.5)[..., np.newaxis], 3, axis=2)
    for mask, colour, opacity in ((is_void, _VOID, 0.75), (is_wrong, _WRONG, 0.85)):
        scaled = Image.fromarray(mask).convert("L").resize((width, height), Image.Resampling.BOX)
        weight = opacity * (np.asarray(scaled, dtype=np.float32) / 255)[..., np.newaxis]
        drawn = drawn * (1 - weight) + colour * weight
    return (drawn + 0.5).astype(np.uint8)


def _names(labels: NDArray[Any], label_set: LabelSet) -> str:
    """Name the classes of a label map whose colour is not black, which overlays do not show."""
    counts = np.bincount(labels.ravel(), minlength=len(label_set.palette))
    coloured = [label for label, colour in enumerate(label_set.palette) if any(colour)]
    present = sorted((label for label in coloured if counts[label]), key=lambda one: -counts[one])
    names = [label_set.class_names[label] for label in present]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f": {', '.join(names[:_MOST_NAMES])}{more}" if names else ": nothing"


def _pick(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Shrink a label map by leaving pixels out: labels are never mixed."""
    rows, columns = (
        ((np.arange(length) + 0.5) * (full / length)).astype(np.intp)
        for length, full in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]
