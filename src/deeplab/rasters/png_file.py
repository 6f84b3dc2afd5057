"""PNG files written row by row: label maps and cut-outs that never are in memory as a whole.

Reference: PNG specification, third edition (W3C), sections 4.5 and 11.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.rasters.row_file import RowFile

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 1  # as for label maps that are written at once
_LARGEST_SIDE = 2**31 - 1
_PALETTE, _GREY, _RGB, _RGBA = 3, 0, 2, 6  # colour types
_CHUNK_BYTES = 2**20


class PngFile(RowFile):
    """A PNG file that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        height: Rows that will come.
        width: Pixels of each.
        colours: RGB 0..255 of up to 256 values, for rows (n, W) of uint8. None: rows are grey,
            (n, W) of uint8 or uint16, or RGB or RGBA, (n, W, 3 or 4).
        dtype: Of grey rows; uint16 has 16 bits.
        num_channels: 1, 3 or 4.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        *,
        colours: Sequence[Sequence[int]] | NDArray[np.uint8] | None = None,
        dtype: type[np.unsignedinteger[Any]] = np.uint8,
        num_channels: int = 1,
    ) -> None:
        if not 0 < max(height, width) <= _LARGEST_SIDE:
            raise ValueError(f"{path}: {width}x{height} pixels: a PNG has up to {_LARGEST_SIDE}")
        self._width, self._left = width, height
        self._dtype = np.dtype(dtype)
        kind = {1: _GREY if colours is None else _PALETTE, 3: _RGB, 4: _RGBA}[num_channels]
        self._file = path.open("wb")
        self._file.write(_SIGNATURE)
        bits = 8 * self._dtype.itemsize
        self._chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
        if colours is not None:
            self._chunk(b"PLTE", np.asarray(colours, np.uint8).tobytes())
        self._zlib = zlib.compressobj(_LEVEL)
        self._waiting = bytearray()

    def write(self, rows: NDArray[Any]) -> None:
        """See `RowFile.write`."""
        self._left -= len(rows)
        assert self._left >= 0, "more rows than the head of the file says"
        values = np.ascontiguousarray(rows, self._dtype.newbyteorder(">"))
        lines = values.reshape(len(rows), -1).view(np.uint8)
        filtered = np.zeros(
            (len(rows), lines.shape[1] + 1), np.uint8
        )  # each line begins with its filter: none
        filtered[:, 1:] = lines
        self._waiting += self._zlib.compress(filtered.data)
        if len(self._waiting) >= _CHUNK_BYTES:
            self._chunk(b"IDAT", bytes(self._waiting))
            self._waiting.clear()

    def finish(self) -> None:
        """See `RowFile.finish`."""
        assert self._left == 0, f"{self._left} rows are missing"
        self._chunk(b"IDAT", bytes(self._waiting) + self._zlib.flush())
        self._chunk(b"IEND", b"")
        self._file.close()

    def abandon(self) -> None:
        """See `RowFile.abandon`."""
        self._file.close()

    def _chunk(self, kind: bytes, content: bytes) -> None:
        self._file.write(struct.pack(">I", len(content)) + kind + content)
        self._file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
