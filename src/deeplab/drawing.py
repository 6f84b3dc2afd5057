"""Label maps to look at: in the colours of their classes, over their picture, or cut out of it.

A picture is uint8, 0..255, (H, W, 3); a label map (H, W) is uint8 or, of many classes, uint16.
"""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from deeplab.imaging import LabelMap, Picture, as_rgb
from deeplab.whole_files import write_atomically

_VOID_COLOUR = (224, 224, 192)  # entry 255 of the palette of the PASCAL VOC devkit
_PNG_LEVEL = 1  # higher levels take 5x the time for a few per cent


def encode_label_map(labels: LabelMap, palette: Sequence[Sequence[int]]) -> bytes:
    """Encode a label map (H, W) as an indexed PNG, or as a grey one of 16 bits.

    Args:
        labels: Label indices; 255 is void. Of uint16, as palettes end at 256 colours, the indices
            become grey values, and 65535 is void.
        palette: One RGB colour (0..255) for each label from 0 on; void has VOC's.
    """
    is_wide = labels.dtype == np.uint16
    image = Image.fromarray(labels) if is_wide else _palette_image(labels, palette)
    encoded = io.BytesIO()
    image.save(encoded, format="PNG", compress_level=_PNG_LEVEL)
    return encoded.getvalue()


def write_label_map(path: Path, labels: LabelMap, palette: Sequence[Sequence[int]]) -> None:
    """Write a label map (H, W) as a PNG, whole or not at all; see `encode_label_map`."""
    content = encode_label_map(labels, palette)
    write_atomically(path, lambda file: file.write(content))


def overlay(
    picture: Picture,
    labels: LabelMap,
    palette: Sequence[Sequence[int]],
    *,
    opacity: float = 0.5,
) -> Picture:
    """Lay the colours of a label map over its picture, with a thin outline around each region.

    Labels whose colour is black (in VOC: the background) let the picture through.

    Args:
        picture: (H, W, 3).
        labels: (H, W).
        palette: One RGB colour (0..255) for each label from 0 on; void has VOC's.
        opacity: 0 shows the picture alone, 1 the colours alone.
    """
    colours = colour_table(labels.dtype, palette)
    lookup = np.full(len(colours), round(255 * opacity), dtype=np.uint8)
    lookup[: len(palette)][[not any(colour) for colour in palette]] = 0
    alpha = lookup[labels]
    alpha[_outline(labels) & (alpha > 0)] = 255
    is_wide = labels.dtype == np.uint16
    drawn = Image.fromarray(colours[labels]) if is_wide else _palette_image(labels, palette)
    blended = Image.composite(
        drawn.convert("RGB"), Image.fromarray(as_rgb(picture)), Image.fromarray(alpha)
    )
    return np.asarray(blended)


def cut_out(picture: Picture, keep: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Keep some pixels of a picture: RGBA, uint8, (H, W, 4), all zero elsewhere.

    Args:
        picture: (H, W, 3).
        keep: (H, W).
    """
    rgba = np.zeros((*keep.shape, 4), dtype=np.uint8)
    rgba[..., :3] = as_rgb(picture) * keep[..., np.newaxis]
    rgba[..., 3] = keep * np.uint8(255)
    return rgba


def colour_table(dtype: DTypeLike, palette: Sequence[Sequence[int]]) -> NDArray[np.uint8]:
    """List the colour of every value that a label map could hold: (values, 3); the last is void's.

    Args:
        dtype: Of the label map, uint8 or uint16.
        palette: One RGB colour (0..255) for each label from 0 on.
    """
    colours = np.zeros((int(np.iinfo(dtype).max) + 1, 3), dtype=np.uint8)
    colours[-1] = _VOID_COLOUR
    colours[: len(palette)] = palette
    return colours


def _palette_image(labels: LabelMap, palette: Sequence[Sequence[int]]) -> Image.Image:
    image = Image.fromarray(labels)
    image.putpalette(colour_table(labels.dtype, palette).tobytes())
    return image


def _outline(labels: LabelMap) -> NDArray[np.bool_]:
    """Mark pixels whose right or lower neighbour differs; wider in pictures of many pixels."""
    width = max(1, round(max(labels.shape) / 500))
    edges = np.zeros(labels.shape, dtype=np.bool_)
    edges[:-width] = labels[width:] != labels[:-width]
    edges[:, :-width] |= labels[:, width:] != labels[:, :-width]
    return edges
