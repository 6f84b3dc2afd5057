"""How the values in label maps become label ids.

Ours and PASCAL VOC's label maps hold the ids themselves, and 255 for void. Those of others may hold
other values (0 and 255 for a binary task), call a class void (11 in CamVid), or be painted in
colours; a `LabelCoding` says so, and reading turns them into ids. In files of 16 bits void is 65535,
and 255 too where it is no class.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.data.colours import read_labels_in_palette
from deeplab.labels import VOID, WIDE_VOID, Colour, label_dtype, void_of

_MOST_SHOWN = 5
_STRANGE = -1


@dataclass(frozen=True)
class LabelCoding:
    """What the values, or the colours, in label maps mean.

    Attributes:
        values: The value of each class; none: the classes are 0..K-1.
        void: Values that are void, beside 255 (and 65535).
        colours: The colour of each class, RGB 0..255, where label maps are painted; none: they
            hold values.
        void_colours: Colours that are void, beside VOC's.
    """

    values: tuple[int, ...] = ()
    void: tuple[int, ...] = ()
    colours: tuple[Colour, ...] = ()
    void_colours: tuple[Colour, ...] = ()

    def read(self, path: Path, num_classes: int) -> imaging.LabelMap:
        """Read a label map: (H, W), 0..K-1 and void, as wide as `labels.label_dtype` says.

        Raises:
            ValueError: Not a label map, or values or colours that are not known; the message
                names the file and them.
        """
        if self.colours:
            return read_labels_in_palette(path, self.colours, void_colours=self.void_colours)
        return self.decode(imaging.read_label_map(path), num_classes, str(path))

    def decode(self, values: imaging.LabelMap, num_classes: int, name: str) -> imaging.LabelMap:
        """Turn values into label ids.

        Args:
            values: (H, W) as they stand in the file.
            num_classes: K.
            name: What to call the label map in the message.

        Raises:
            ValueError: Values that mean nothing.
        """
        table = self.table(num_classes, most=int(np.iinfo(values.dtype).max))
        found = np.flatnonzero(np.bincount(values.ravel(), minlength=len(table)))
        strange = [int(value) for value in found if table[value] == _STRANGE]
        if strange:
            raise ValueError(f"{name}: {self._say(strange, num_classes)}")
        dtype = label_dtype(num_classes)
        if values.dtype == dtype and bool((table[found] == found).all()):
            return values
        return np.asarray(table.astype(dtype)[values])

    def table(self, num_classes: int, *, most: int = VOID) -> NDArray[np.int64]:
        """Give the label id of each value, -1 for values that mean nothing: (most + 1,).

        Args:
            num_classes: K.
            most: The largest value that a file can hold: 255, or 65535 in one of 16 bits.
        """
        void = void_of(num_classes)
        table = np.full(WIDE_VOID + 1, _STRANGE, np.int64)
        table[[VOID, most]] = void
        classes = self.values or range(min(num_classes, most))
        table[list(classes)] = np.arange(len(classes))
        table[list(self.void)] = void
        return table[: most + 1]

    def _say(self, strange: list[int], num_classes: int) -> str:
        shown = ", ".join(map(str, strange[:_MOST_SHOWN]))
        if self.values:
            return (
                f"values {shown}, but the classes have {', '.join(map(str, self.values))} "
                f"and void {', '.join(map(str, (*self.void, VOID)))}: correct `values` in data.yaml"
            )
        return (
            f"class ids {shown}, but there are {num_classes} classes "
            f"(0..{num_classes - 1}) and void ({void_of(num_classes)}): renumber the label map or correct the "
            "class list"
        )


PLAIN = LabelCoding()
"""Label maps that hold label ids, and 255 for void."""
