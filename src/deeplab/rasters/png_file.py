"""PNG files written row by row: label maps and cut-outs that never are in memory as a whole.

Reference: PNG specification, third edition (W3C), sections 4.5 and 11.
"""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.rasters.row_file import RowFile, RowLayout

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LEVEL = 1  # as for label maps that are written at once
_LARGEST_SIDE = 2**31 - 1
_PALETTE, _GREY, _RGB, _RGBA = 3, 0, 2, 6  # colour types
_CHUNK_BYTES = 2**20


class PngFile(RowFile):
    """A PNG file that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        layout: Of its rows: grey, of 8 or 16 bits, or with `colours`; RGB or RGBA where there are
            3 or 4 bands.
    """

    def __init__(self, path: Path, layout: RowLayout) -> None:
        height, width, colours = layout.height, layout.width, layout.colours
        if not 0 < max(height, width) <= _LARGEST_SIDE:
            raise ValueError(f"{path}: {width}x{height} pixels: a PNG has up to {_LARGEST_SIDE}")
        self._left = height
        self._dtype = np.dtype(layout.dtype)
        kind = {1: _GREY if colours is None else _PALETTE, 3: _RGB, 4: _RGBA}[layout.num_bands]
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
