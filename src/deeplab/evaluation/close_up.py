"""One picture looked at closely: the photo, the truth, what was found, and where that is wrong."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging

_WRONG = np.array((214, 39, 40), np.float32)
_VOID = np.array((150, 150, 150), np.float32)
_SIDE = 480  # pixels of the longest side: pages show no more

Drawing = tuple[NDArray[np.uint8], str]
"""A picture (H, W, 3) and the line below it."""


def draw_close_up(
    picture: NDArray[np.uint8],
    truth: NDArray[Any],
    found: Mapping[str, NDArray[Any]],
    *,
    palette: Sequence[Sequence[int]],
) -> list[Drawing]:
    """Draw a picture, its truth, and for each prediction the labels and the errors.

    Args:
        picture: (H, W, 3).
        truth: True label map (H, W): 0..K-1; all above is void.
        found: Predicted label maps (H, W), 0..K-1, by whose they are; "" if there is but one.
        palette: K colours, RGB 0..255.

    Returns:
        The photo, the truth, and a pair for each prediction; no longer than 480 pixels.
    """
    small = imaging.shrink_picture(picture, _SIDE)
    size = small.shape[:2]
    num_classes = len(palette)
    true = _pick(truth, size)
    drawings = [
        (small, "photo"),
        (imaging.overlay(small, true, palette), "truth"),
    ]
    for name, labels in found.items():
        whose = f"{name}: " if name else ""
        shown = _pick(labels, size)
        drawings.append((imaging.overlay(small, shown, palette), f"{whose}found"))
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


def _pick(labels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """Shrink a label map by leaving pixels out: labels are never mixed."""
    rows, columns = (
        ((np.arange(length) + 0.5) * (full / length)).astype(np.intp)
        for length, full in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]
