"""What label maps hold: values or colours, how many pixels of each, and what touches what.

Each is read once; the picture beside it gives its size and its fingerprint.
"""

import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab.data.duplicates import fingerprint
from deeplab.data.init.parts import Item
from deeplab.data.samples import Sample
from deeplab.labels import Colour
from deeplab.processor import num_cores

Tell = Callable[[int, int], None]

MOST_COLOURS = 256
"""Label maps in more colours than these hold no classes."""

_VALUE_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
_NUM_VALUES = 256


@dataclass(frozen=True)
class Seen:
    """What one picture and its label map hold.

    Attributes:
        counts: Pixels of each value, or of each colour (red * 65536 + green * 256 + blue).
        is_painted: These are colours.
        palette: The colour of each value that occurs, in a palette picture.
        touching: How often a pixel of one value lies beside one of another, smaller value first.
        size_differs: Picture and label map are not of one size.
        fingerprint: Of the picture.
        fault: Why picture or label map cannot be used; empty: they can.
    """

    counts: Mapping[int, int] = field(default_factory=dict)
    is_painted: bool = False
    palette: Mapping[int, Colour] = field(default_factory=dict)
    touching: Mapping[tuple[int, int], int] = field(default_factory=dict)
    size_differs: bool = False
    fingerprint: int = 0
    fault: str = ""


@dataclass(frozen=True)
class Survey:
    """What all label maps hold together; the attributes are those of `Seen`, added up.

    Attributes:
        counts: Pixels of each value or colour.
        is_painted: Label maps hold colours, or values that mean other colours in each file.
        palette: The colour of each value, if all files agree.
        touching: See `Seen`.
    """

    counts: Mapping[int, int]
    is_painted: bool
    palette: Mapping[int, Colour]
    touching: Mapping[tuple[int, int], int]


def look_at(items: Sequence[Item], *, tell: Tell = lambda done, total: None) -> list[Seen]:
    """Read label maps and pictures, on all cores.

    Args:
        items: Pictures, with label maps or without.
        tell: Told how many are done.
    """
    seen = []
    with ThreadPoolExecutor(num_cores()) as pool:
        for one in pool.map(_look_at, items):
            seen.append(one)
            tell(len(seen), len(items))
    return seen


def sum_up(seen: Sequence[Seen]) -> Survey:
    """Add up what label maps hold.

    Palette pictures whose palettes do not agree count as painted: their colours are what lasts.

    Args:
        seen: At least one without a fault.

    Raises:
        ValueError: Some hold colours and others values.
    """
    palette: dict[int, Colour] = {}
    agree = all(
        palette.setdefault(value, colour) == colour
        for one in seen
        for value, colour in one.palette.items()
    )
    painted = [one.is_painted or (not agree and bool(one.palette)) for one in seen]
    if any(painted) and not all(painted):
        raise ValueError(
            f"{sum(painted)} label maps hold colours, {len(seen) - sum(painted)} hold values: one "
            "data set has one kind; give the folder of one kind with --masks"
        )
    if any(painted):
        counts: Counter[int] = Counter()
        for one in seen:
            counts.update(colour_counts(one))
        return Survey(counts, True, {}, {})
    totals: Counter[int] = Counter()
    touching: Counter[tuple[int, int]] = Counter()
    for one in seen:
        totals.update(one.counts)
        touching.update(one.touching)
    return Survey(totals, False, palette, touching)


def colour_counts(one: Seen) -> Mapping[int, int]:
    """Count the pixels of each colour, of palette pictures too."""
    if one.is_painted:
        return one.counts
    counts: Counter[int] = Counter()
    for value, count in one.counts.items():
        counts[to_code(one.palette[value])] += count
    return counts


def to_code(colour: Colour) -> int:
    """Write a colour as one number: red * 65536 + green * 256 + blue."""
    return colour[0] << 16 | colour[1] << 8 | colour[2]


def to_colour(code: int) -> Colour:
    """Give the colour that a number stands for."""
    return code >> 16, code >> 8 & 255, code & 255


def _look_at(item: Item) -> Seen:
    try:
        value = fingerprint(item.picture_path)
        if item.label_path is None:
            return Seen(fingerprint=value)
        size = Sample("", item.picture_path, None).read_picture_size()
        return _look_at_labels(item.label_path, size, value)
    except ValueError as error:
        return Seen(fault=str(error))


def _look_at_labels(path: Path, size: tuple[int, int], fingerprint: int) -> Seen:
    with _open(path) as image:
        if image.format == "JPEG":
            raise ValueError(
                f"{path}: JPEG blurs label maps, so that values near borders are wrong; save them "
                "as PNG from where they were made"
            )
        differs = (image.height, image.width) != size
        if image.mode in ("RGB", "RGBA"):
            counts = _count_colours(np.asarray(image.convert("RGB")))
            return Seen(counts, True, size_differs=differs, fingerprint=fingerprint)
        if image.mode not in _VALUE_MODES:
            raise ValueError(f"{path}: a {image.mode} picture is no label map; save it as PNG")
        values = np.asarray(image).astype(np.int64)
        counts = dict(zip(*(one.tolist() for one in _unique(values)), strict=True))
        palette = _palette(image, counts) if image.mode == "P" else {}
        touching = _touching(values) if values.max() < _NUM_VALUES else {}
    return Seen(counts, False, palette, touching, differs, fingerprint)


def _open(path: Path) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(path)
            image.load()
            return image
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise ValueError(f"{path}: not a picture, or a damaged one ({error})") from error


def _count_colours(picture: NDArray[np.uint8]) -> dict[int, int]:
    wide = picture.astype(np.int64)
    codes, counts = _unique(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])
    return dict(zip(codes.tolist(), counts.tolist(), strict=True))


def _unique(values: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any]]:
    if values.max() < 1 << 16:
        counts = np.bincount(values.ravel())
        found = np.flatnonzero(counts)
        return found, counts[found]
    found, counts = np.unique(values, return_counts=True)
    return found, counts


def _palette(image: Image.Image, values: Mapping[int, int]) -> dict[int, Colour]:
    flat = image.getpalette("RGB") or []
    flat = [*flat, *[0] * (3 * _NUM_VALUES - len(flat))]
    return {value: (flat[3 * value], flat[3 * value + 1], flat[3 * value + 2]) for value in values}


def _touching(values: NDArray[np.int64]) -> dict[tuple[int, int], int]:
    """Count pairs of neighbours, right and below, of different values."""
    total = np.zeros(_NUM_VALUES**2, np.int64)
    for one, other in ((values[1:], values[:-1]), (values[:, 1:], values[:, :-1])):
        at = one != other
        low, high = np.minimum(one[at], other[at]), np.maximum(one[at], other[at])
        total += np.bincount(low * _NUM_VALUES + high, minlength=_NUM_VALUES**2)
    return {
        (int(code) // _NUM_VALUES, int(code) % _NUM_VALUES): int(total[code])
        for code in np.flatnonzero(total)
    }
