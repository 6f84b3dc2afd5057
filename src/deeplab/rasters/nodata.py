"""Which pixels of a TIFF file were not measured, by the value that GDAL writes into its tag 42113.

The meaning is that of rasterio's `dataset_mask`: a pixel was not measured where all bands of the
file, read or not, have that value as it is stored.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

_GDAL_NODATA = 42113
_ROWS_KEPT = 4096  # pixels are labelled later than they are read, but not by more rows than these


@contextmanager
def without_doubts() -> Iterator[None]:
    """Keep tifffile from warning of nodata values that no pixel can have: GDAL allows them."""

    def is_other(record: logging.LogRecord) -> bool:
        return "GDAL_NODATA" not in record.getMessage()

    log = logging.getLogger("tifffile")
    log.addFilter(is_other)
    try:
        yield
    finally:
        log.removeFilter(is_other)


def find_nodata(page: Any) -> Any:
    """Give the value that stands for nothing, as the file stores values; None: there is none.

    Args:
        page: The first one that tifffile finds in the file.
    """
    try:
        value = float(page.tags.valueof(_GDAL_NODATA, ""))
    except (TypeError, ValueError):  # no tag, or no number in it
        return None
    kind = np.dtype(page.dtype)
    if kind.kind == "f":
        with np.errstate(over="ignore"):
            return kind.type(value)
    if kind.kind not in "bui":
        return None
    smallest = 0 if kind.kind == "b" else np.iinfo(kind).min
    largest = 1 if kind.kind == "b" else np.iinfo(kind).max
    is_possible = smallest <= value <= largest
    return kind.type(int(value)) if is_possible else None  # GDAL leaves a fraction out, too


def measured(values: NDArray[Any], nodata: Any) -> NDArray[np.bool_]:
    """Tell which pixels were measured: (n, W, bands) as stored -> (n, W).

    Args:
        values: Of all bands of the file.
        nodata: See `find_nodata`.
    """
    is_number = not np.isnan(nodata)
    differs = values != nodata if is_number else ~np.isnan(values)
    return np.asarray(differs.any(axis=2))


class MaskStore:
    """Keeps which pixels were measured, a bit each, as long as somebody will ask for it.

    Args:
        width: W, pixels.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._packed: dict[int, NDArray[np.uint8]] = {}
        self.most_bytes = _ROWS_KEPT * (width // 8 + 1)

    def add(self, top: int, valid: NDArray[np.bool_]) -> None:
        """Take what is known of some rows, (n, W), and forget rows that lie far above them."""
        self._packed[top] = np.packbits(valid, axis=1)
        first = top - _ROWS_KEPT
        self._packed = {row: bits for row, bits in self._packed.items() if row + len(bits) >= first}

    def get(self, top: int) -> NDArray[np.bool_] | None:
        """Give what was taken of rows that begin with this one; None: nothing, or forgotten."""
        packed = self._packed.get(top)
        if packed is None:
            return None
        return np.unpackbits(packed, axis=1, count=self._width).view(np.bool_)
