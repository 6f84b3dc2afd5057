"""Label map files as they are: what stands in them, without trusting that they are label maps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging

View = Literal["values", "colours"]
"""What the pixels of a file are: one number each, or RGB colours."""

Alpha = Literal["", "opaque", "transparent in places", "which holds the labels"]

Codes = NDArray[np.int64]
"""Values, or colours as 0xRRGGBB."""

NARROW_MODES = ("1", "L", "P")
"""What Pillow calls pictures of 8 bits and less, grey or with a palette."""

_LOSSY = ("JPEG", "MPO", "JPEG2000")
_MOST_CODES = 4096


@dataclass(frozen=True)
class RawLabels:
    """A decoded label map file.

    Attributes:
        pixels: (H, W) values or colours.
        view: Which of both.
        mode: Pillow's name of what the file holds.
        is_lossy: Whether it is a JPEG.
        alpha: What its alpha channel is, if it has one.
        palette: (256,) colours that the file itself gives to its values, if it does.
    """

    pixels: Codes
    view: View
    mode: str
    is_lossy: bool
    alpha: Alpha = ""
    palette: Codes | None = None


@dataclass(frozen=True)
class LabelFacts:
    """What is in a label map file; its pixels are not kept.

    What is kept are Python's numbers. Small arrays, kept from every file, would lie between the
    pixels of one file and the next in memory, and what is freed around them is not used again: it
    grows by some 80 KB a file.

    Attributes:
        problem: Why it cannot be read; empty if it can.
        size: Height and width.
        view, mode, is_lossy, alpha: As in `RawLabels`.
        found: Different values or colours, ascending; of very many the most frequent. None: the
            file was not decoded.
        found_counts: How many pixels have each.
        found_colours: The colour that the file's palette gives to each value, if it has one.
    """

    problem: str = ""
    size: tuple[int, int] = (0, 0)
    view: View = "values"
    mode: str = ""
    is_lossy: bool = False
    alpha: Alpha = ""
    found: tuple[int, ...] = ()
    found_counts: tuple[int, ...] = ()
    found_colours: tuple[int, ...] | None = None

    @property
    def is_decoded(self) -> bool:
        """Whether its pixels were looked at."""
        return bool(self.found)

    @property
    def codes(self) -> Codes:
        """What was found, as an array."""
        return np.array(self.found, np.int64)

    @property
    def counts(self) -> Codes:
        """How many pixels have each, as an array."""
        return np.array(self.found_counts, np.int64)

    @property
    def own_colours(self) -> Codes | None:
        """The colour that the file gives to each, as an array."""
        return None if self.found_colours is None else np.array(self.found_colours, np.int64)


def read_raw(path: Path) -> RawLabels:
    """Decode a file that should be a label map.

    Raises:
        ValueError: It cannot be read, or holds fractions.
    """
    image = imaging.read_as_stored(path)
    is_lossy = image.format in _LOSSY
    if image.mode == "P":
        own = np.zeros((256, 3), np.int64)
        listed = np.array(image.getpalette("RGB") or [], np.int64).reshape(-1, 3)[:256]
        own[: len(listed)] = listed
        return RawLabels(_values(image, path), "values", "P", is_lossy, palette=_packed(own))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa"):
        return _without_alpha(image, is_lossy)
    if image.mode in ("1", "L", "I", "F") or image.mode.startswith("I;16"):
        return RawLabels(_values(image, path), "values", _mode(image), is_lossy)
    pixels, view = _grey_or_colours(np.asarray(image.convert("RGB")))
    return RawLabels(pixels, view, image.mode, is_lossy)


def look_at_labels(path: Path) -> LabelFacts:
    """Decode a file that should be a label map and note what is in it."""
    try:
        raw = read_raw(path)
    except ValueError as error:
        return LabelFacts(problem=str(error).removeprefix(f"{path}: "))
    codes, counts = _count(raw.pixels)
    return LabelFacts(
        size=(raw.pixels.shape[0], raw.pixels.shape[1]),
        view=raw.view,
        mode=raw.mode,
        is_lossy=raw.is_lossy,
        alpha=raw.alpha,
        found=tuple(codes.tolist()),
        found_counts=tuple(counts.tolist()),
        found_colours=None if raw.palette is None else tuple(raw.palette[codes].tolist()),
    )


def glance_at_labels(path: Path) -> LabelFacts:
    """Read the head of a file that should be a label map: its size and mode."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            view: View = "colours" if image.mode.startswith("RGB") else "values"
            is_lossy = image.format in _LOSSY
            return LabelFacts(size=(height, width), view=view, mode=_mode(image), is_lossy=is_lossy)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return look_at_labels(path)  # for the reason in words


def _mode(image: Image.Image) -> str:
    """Name the mode; older versions of Pillow call PNGs of 16 bits I."""
    return "I;16" if image.mode == "I" and image.format == "PNG" else image.mode


def _values(image: Image.Image, path: Path) -> Codes:
    values = np.asarray(image)
    if values.dtype.kind == "f" and not (np.isfinite(values) & (values == np.rint(values))).all():
        raise ValueError(f"{path}: holds fractions; a label map holds whole numbers")
    return values.astype(np.int64)


def _without_alpha(image: Image.Image, is_lossy: bool) -> RawLabels:
    """Take the colours, or the alpha channel where there is nothing else."""
    rgba = np.asarray(
        image.convert("LA").convert("RGBA") if image.mode == "La" else image.convert("RGBA")
    )
    alpha, colours = rgba[..., 3], rgba[..., :3]
    is_flat = bool((colours == colours[0, 0]).all())
    if is_flat and alpha.min() != alpha.max():
        pixels = alpha.astype(np.int64)
        return RawLabels(pixels, "values", image.mode, is_lossy, "which holds the labels")
    pixels, view = _grey_or_colours(colours)
    is_opaque = bool((alpha == 255).all())
    return RawLabels(
        pixels, view, image.mode, is_lossy, "opaque" if is_opaque else "transparent in places"
    )


def _grey_or_colours(colours: NDArray[np.uint8]) -> tuple[Codes, View]:
    """Take one of three channels that are the same."""
    red = colours[..., 0]
    if (red == colours[..., 1]).all() and (red == colours[..., 2]).all():
        return red.astype(np.int64), "values"
    return _packed(colours), "colours"


def _packed(colours: NDArray[Any]) -> Codes:
    wide = colours.astype(np.int64)
    return np.asarray(wide[..., 0] << 16 | wide[..., 1] << 8 | wide[..., 2])


def _count(pixels: Codes) -> tuple[Codes, Codes]:
    if pixels.min() >= 0 and pixels.max() < 1 << 16:
        all_counts = np.bincount(pixels.ravel())
        codes = np.flatnonzero(all_counts)
        counts = all_counts[codes]
    else:
        codes, counts = np.unique(pixels, return_counts=True)
    if len(codes) > _MOST_CODES:
        most = np.sort(np.argsort(-counts, kind="stable")[:_MOST_CODES])
        codes, counts = codes[most], counts[most]
    return codes.astype(np.int64), counts.astype(np.int64)
