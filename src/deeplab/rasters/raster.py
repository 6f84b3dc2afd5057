"""A picture that is read a few rows at a time, so that it need not fit into memory.

Shapes: (H, W) the picture, C its bands, n rows of it.
"""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import Picture


class Raster(ABC):
    """A picture of which any rows can be read.

    Attributes:
        name: What to call it when talking to people.
        height: H, pixels.
        width: W, pixels.
        held_bytes: Memory that it takes as long as it is open.
        place: Where on earth it lies, as its reader writes it into results; None: nowhere.
    """

    name: str
    height: int
    width: int
    held_bytes: int = 0
    place: Any = None

    @abstractmethod
    def read(self, top: int, bottom: int) -> Picture:
        """Read rows from `top` up to `bottom`, which is not among them: (n, W, C) uint8, 0..255."""

    def read_valid(self, top: int, bottom: int) -> NDArray[np.bool_] | None:
        """Tell which pixels of these rows were measured, (n, W); None: all were."""
        return None

    def close(self) -> None:  # noqa: B027 - there is nothing to close in most
        """Close what is open."""

    def __enter__(self) -> Self:
        """Stay open for a while."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close what is open."""
        self.close()


class ArrayRaster(Raster):
    """A picture in memory.

    Args:
        picture: (H, W, C) uint8, 0..255.
        name: What to call it.
    """

    def __init__(self, picture: Picture, name: str = "array") -> None:
        self.name = name
        self.height, self.width = picture.shape[:2]
        self.held_bytes = picture.nbytes
        self._picture = picture

    def read(self, top: int, bottom: int) -> Picture:
        """See `Raster.read`."""
        return self._picture[top:bottom]


class RowsAhead:
    """Reads a raster from top to bottom, once, though what is asked for overlaps.

    Args:
        raster: What to read.
    """

    def __init__(self, raster: Raster) -> None:
        self._raster = raster
        self._top = 0
        self._rows: Picture | None = None

    def read(self, top: int, bottom: int) -> Picture:
        """Read rows as `Raster.read` does; those above `top` are not asked for again."""
        if self._rows is None:
            self._rows = self._raster.read(top, bottom)
        else:
            kept = self._rows[top - self._top :]
            below = self._top + len(self._rows)
            if bottom > below:
                # First only the kept rows are copied, so that the old ones go before new ones come.
                kept = self._rows = kept.copy()
                kept = np.concatenate([kept, self._raster.read(below, bottom)])
            self._rows = kept
        self._top = top
        return self._rows[: bottom - top]
