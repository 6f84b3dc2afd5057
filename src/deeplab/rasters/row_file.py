"""Files of pictures that are written a few rows at a time, as they come."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RowLayout:
    """What the rows of a file are.

    Attributes:
        height: How many will come.
        width: Pixels of each.
        num_bands: Values of a pixel: rows are (n, W), or (n, W, bands).
        dtype: Of the values.
        colours: RGB 0..255 of up to 256 values, for rows (n, W) of uint8. None: one band is grey.
    """

    height: int
    width: int
    num_bands: int = 1
    dtype: type[np.unsignedinteger[Any]] = np.uint8
    colours: Sequence[Sequence[int]] | NDArray[np.uint8] | None = None


class RowFile(ABC):
    """A picture file that is being written, from top to bottom."""

    @abstractmethod
    def write(self, rows: NDArray[Any]) -> None:
        """Add rows: (n, W) of one value a pixel, (n, W, C) of several."""

    @abstractmethod
    def finish(self) -> None:
        """Write what the file ends with, and close it."""

    @abstractmethod
    def abandon(self) -> None:
        """Close the file, unfinished as it is."""


class RowGroups:
    """Gathers rows until there are as many as tiles are high.

    Args:
        shape: Rows of a group, and the shape of each.
        dtype: Of the values.
    """

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._group = np.zeros(shape, dtype)
        self._num_rows = 0

    def add(self, rows: NDArray[Any]) -> Iterator[NDArray[Any]]:
        """Give all groups that rows fill, one after the other; each is there until the next one."""
        rows = rows.reshape(len(rows), *self._group.shape[1:])
        while len(rows):
            end = min(len(self._group), self._num_rows + len(rows))
            taken = end - self._num_rows
            self._group[self._num_rows : end] = rows[:taken]
            self._num_rows, rows = end, rows[taken:]
            if end == len(self._group):
                yield self.rest()

    def rest(self) -> NDArray[Any]:
        """Give the rows that wait, and begin anew."""
        rows, self._num_rows = self._group[: self._num_rows], 0
        return rows
