"""Label maps of others: indices with the right palette, with a re-sorted one, or plain colours.

The label maps of PASCAL VOC are palette pictures. Tools that save them again may drop the palette
(grey indices), sort it anew (other indices, same colours) or write colours; all of these can be
told apart, and a label map in any other colours is refused.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.labels import VOID, Colour, label_dtype, voc_palette, void_of

_MOST_SHOWN = 5


def read_labels_in_palette(
    path: Path, palette: Sequence[Colour], *, void_colours: Sequence[Colour] = ()
) -> imaging.LabelMap:
    """Read a label map whose colours, if it has any, are those of a palette.

    Args:
        path: A grey, palette or RGB picture.
        palette: One colour for each label from 0 on; void has VOC's colour.
        void_colours: Further colours that are void.

    Returns:
        (H, W) label ids and void.

    Raises:
        ValueError: Not a picture, lossy, or in colours that are not in the palette.
    """
    with _open(path) as image:
        if image.mode == "P":
            return _read_indices(path, image, palette, void_colours)
        if image.mode in ("RGB", "RGBA") and image.format != "JPEG":
            picture = np.asarray(image.convert("RGB"))
            return labels_of_colours(picture, palette, str(path), void_colours=void_colours)
    return imaging.read_label_map(path)


def labels_of_colours(
    picture: imaging.Picture,
    palette: Sequence[Colour],
    name: str,
    *,
    void_colours: Sequence[Colour] = (),
) -> imaging.LabelMap:
    """Turn colours into label ids.

    Args:
        picture: (H, W, 3) colours of the palette, and VOC's colour of void.
        palette: One colour for each label from 0 on.
        name: What to call it in the message.
        void_colours: Further colours that are void.

    Returns:
        (H, W) label ids and void.

    Raises:
        ValueError: Other colours occur.
    """
    codes = _codes(picture)
    void = [voc_palette()[VOID], *void_colours]
    known = _codes(np.array([*palette, *void], np.uint8))
    num_classes = len(palette)
    ids = [*range(num_classes), *[void_of(num_classes)] * len(void)]
    labels = np.array(ids, label_dtype(num_classes))
    first = np.unique(known, return_index=True)[1]  # of two labels of one colour the first counts
    known, labels = known[first], labels[first]
    places = np.searchsorted(known, codes).clip(max=len(known) - 1)
    strange = np.unique(codes[known[places] != codes])
    if strange.size:
        colours = ", ".join(
            str((code >> 16, code >> 8 & 255, code & 255))
            for code in strange[:_MOST_SHOWN].tolist()
        )
        raise ValueError(
            f"{name}: colours {colours} are not in the palette ({strange.size} such): is it of "
            "another data set, or was it resized or saved as JPEG?"
        )
    return np.asarray(labels[places])


def _read_indices(
    path: Path, image: Image.Image, palette: Sequence[Colour], void_colours: Sequence[Colour]
) -> imaging.LabelMap:
    indices = imaging.read_label_map(path)
    own = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
    colours = np.zeros((VOID + 1, 3), np.uint8)
    colours[: len(own)] = own
    expected = np.zeros_like(colours)
    expected[: len(palette)] = palette
    expected[VOID] = voc_palette()[VOID]
    used = np.unique(indices)
    is_grey = bool((colours[used] == used[:, np.newaxis]).all())
    if is_grey or bool((colours[used] == expected[used]).all()):
        return indices
    return labels_of_colours(colours[indices], palette, str(path), void_colours=void_colours)


def _codes(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    wide = colours.astype(np.uint32)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def _open(path: Path) -> Image.Image:
    try:
        return Image.open(path)
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a picture ({error})") from error
