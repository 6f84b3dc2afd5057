"""From what stands in a label map file to label ids, whatever the file holds."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.data.checks.raw_labels import Codes, LabelFacts, RawLabels, read_raw
from deeplab.data.description import DataDescription
from deeplab.labels import VOID, WIDE_VOID, Colour, label_dtype, voc_palette, void_of

_VOID_COLOUR = voc_palette()[VOID]

UNKNOWN = -1
"""What a value or colour becomes that no class has."""

ReadAs = Literal["values", "colours", "own colours"]

_GREY = 0x010101


@dataclass(frozen=True)
class Recoding:
    """Which code becomes which label.

    Attributes:
        read_as: Whether codes are values, colours (0xRRGGBB), or the colours that the file's
            palette gives to its values.
        codes: Known codes, ascending.
        labels: The label of each.
        tolerance: How far a code may lie from a known one and still be taken for it: of values
            their difference, of colours the largest of the three channels.
    """

    read_as: ReadAs
    codes: Codes
    labels: Codes
    tolerance: int = 0

    def decode(self, raw: RawLabels) -> Codes:
        """Give the labels of a file: (H, W), `UNKNOWN` where no class has the code."""
        if self.read_as == "own colours" and raw.palette is not None:
            return self._look_up(raw.palette[raw.pixels])
        is_grey = self.read_as == "colours" and raw.view == "values"
        return self._look_up(raw.pixels * _GREY if is_grey else raw.pixels)

    def read(self, path: Path, num_classes: int) -> tuple[imaging.LabelMap, int]:
        """Read a label map: its labels (H, W), void where no class is known, and how many that are.

        Raises:
            ValueError: The file cannot be read.
        """
        labels = self.decode(read_raw(path))
        is_unknown = labels == UNKNOWN
        labels = np.where(is_unknown, void_of(num_classes), labels)
        return labels.astype(label_dtype(num_classes)), int(is_unknown.sum())

    def labels_in(self, facts: LabelFacts) -> Codes:
        """Give the label of each code that a file holds, in the order of `facts.codes`."""
        if self.read_as == "own colours" and facts.own_colours is not None:
            return self._look_up(facts.own_colours)
        is_grey = self.read_as == "colours" and facts.view == "values"
        return self._look_up(facts.codes * _GREY if is_grey else facts.codes)

    def unknown_share(self, facts: LabelFacts) -> float:
        """Say in which share of the pixels of a file no class is known."""
        return float(facts.counts[self.labels_in(facts) == UNKNOWN].sum() / facts.counts.sum())

    def _look_up(self, codes: Codes) -> Codes:
        places = np.searchsorted(self.codes, codes).clip(max=len(self.codes) - 1)
        found = np.where(self.codes[places] == codes, self.labels[places], UNKNOWN)
        if self.tolerance:
            strange, inverse = np.unique(codes[found == UNKNOWN], return_inverse=True)
            if strange.size:
                found[found == UNKNOWN] = self._nearest(strange)[inverse.ravel()]
        return np.asarray(found)

    def _nearest(self, codes: Codes) -> Codes:
        distances = _distances(codes, self.codes, is_colour=self.read_as != "values")
        nearest = distances.argmin(axis=1)
        is_near = distances[np.arange(len(codes)), nearest] <= self.tolerance
        return np.where(is_near, self.labels[nearest], UNKNOWN)


def recoding(read_as: ReadAs, label_of: dict[int, int], *, tolerance: int = 0) -> Recoding:
    """Make a recoding.

    Args:
        read_as: See `Recoding`.
        label_of: The label of each code.
        tolerance: See `Recoding`.
    """
    codes = np.array(sorted(label_of), np.int64)
    labels = np.array([label_of[code] for code in codes.tolist()], np.int64)
    return Recoding(read_as, codes, labels, tolerance)


def snapping(exact: Recoding) -> Recoding | None:
    """Let a recoding take near codes too, if its codes lie so far apart that this is safe."""
    distances = _distances(exact.codes, exact.codes, is_colour=exact.read_as != "values")
    apart = distances[~np.eye(len(exact.codes), dtype=bool)].min(initial=255)
    if apart < _FAR_APART:
        return None
    return Recoding(exact.read_as, exact.codes, exact.labels, min(int(apart) * 2 // 5, 50))


_FAR_APART = 32


def values_recoding(description: DataDescription, *, most: int = WIDE_VOID) -> Recoding:
    """Say what values mean in the label maps of a data set, as its description has it.

    Args:
        description: The data set.
        most: The largest value that a file can hold; see `LabelCoding.table`.
    """
    table = description.coding.table(len(description.label_set.class_names), most=most)
    return recoding(
        "values", {code: int(table[code]) for code in np.flatnonzero(table >= 0).tolist()}
    )


def colours_recoding(description: DataDescription, *, read_as: ReadAs = "colours") -> Recoding:
    """Say what colours mean in the label maps of a data set, by its palette."""
    void = void_of(len(description.label_set.class_names))
    label_of = dict.fromkeys(map(packed, (*description.coding.void_colours, _VOID_COLOUR)), void)
    palette = description.label_set.palette
    for label in reversed(range(len(palette))):  # of two classes of one colour the first counts
        label_of[packed(palette[label])] = label
    return recoding(read_as, label_of)


def packed(colour: Colour) -> int:
    """Write a colour as 0xRRGGBB."""
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def unpacked(code: int) -> Colour:
    """Give the colour that 0xRRGGBB stands for."""
    return code >> 16, code >> 8 & 255, code & 255


def _distances(codes: Codes, others: Codes, *, is_colour: bool) -> NDArray[np.int64]:
    if not is_colour:
        return np.asarray(np.abs(codes[:, np.newaxis] - others))
    parts = [
        np.abs((codes[:, np.newaxis] >> shift & 255) - (others >> shift & 255))
        for shift in (16, 8, 0)
    ]
    return np.asarray(np.max(parts, axis=0))
