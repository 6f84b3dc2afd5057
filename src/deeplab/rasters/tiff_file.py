"""Tiled BigTIFF files written row by row, compressed with deflate; needs no package.

Reference: TIFF 6.0, sections 5 and 15 (tiles), and the BigTIFF layout of libtiff: 64-bit offsets.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.rasters.row_file import RowFile, RowGroups, RowLayout

_TILE = 256
_LEVEL = 1
_DEFLATE, _GREY, _PALETTE, _PLANAR = 8, 1, 3, 2
_SHORT, _LONG, _LONG8 = (3, "H"), (4, "I"), (16, "Q")


class TiffFile(RowFile):
    """A BigTIFF file that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        layout: Of its rows; bands are stored one behind the other.
    """

    def __init__(self, path: Path, layout: RowLayout) -> None:
        self._layout = layout
        height, width, num_bands = layout.height, layout.width, layout.num_bands
        self._dtype = np.dtype(layout.dtype).newbyteorder("<")
        self._groups = RowGroups((_TILE, width, num_bands), self._dtype)
        self._num_written = 0
        # Offset and size of each tile.
        self._tiles = np.zeros((2, num_bands, -(-height // _TILE), -(-width // _TILE)), np.uint64)
        self._file = path.open("wb")
        self._file.write(
            struct.pack("<2sHHHQ", b"II", 43, 8, 0, 0)
        )  # the place of the tags comes last

    def write(self, rows: NDArray[Any]) -> None:
        """See `RowFile.write`."""
        for group in self._groups.add(rows):
            self._write_tiles(group)

    def finish(self) -> None:
        """See `RowFile.finish`."""
        self._write_tiles(self._groups.rest())
        assert self._num_written == self._tiles.shape[2], "rows are missing"
        self._write_tags()
        self._file.close()

    def abandon(self) -> None:
        """See `RowFile.abandon`."""
        self._file.close()

    def _write_tiles(self, rows: NDArray[Any]) -> None:
        if not len(rows):
            return
        tile = np.zeros((_TILE, _TILE), self._dtype)
        for band, column in np.ndindex(*self._tiles.shape[1::2]):
            part = rows[:, column * _TILE : (column + 1) * _TILE, band]
            tile[len(part) :], tile[:, part.shape[1] :] = 0, 0
            tile[: len(part), : part.shape[1]] = part
            content = zlib.compress(tile.data, _LEVEL)
            self._tiles[:, band, self._num_written, column] = self._file.tell(), len(content)
            self._file.write(content)
        self._num_written += 1

    def _write_tags(self) -> None:
        offsets, sizes = self._tiles.reshape(2, -1)
        num_bands, colours = self._layout.num_bands, self._layout.colours
        bits = 8 * self._dtype.itemsize
        tags: list[tuple[int, tuple[int, str], Sequence[int] | NDArray[Any]]] = [
            (256, _LONG, [self._layout.width]),
            (257, _LONG, [self._layout.height]),
            (258, _SHORT, [bits] * num_bands),
            (259, _SHORT, [_DEFLATE]),
            (262, _SHORT, [_GREY if colours is None else _PALETTE]),
            (277, _SHORT, [num_bands]),
            (284, _SHORT, [_PLANAR if num_bands > 1 else 1]),
            (322, _SHORT, [_TILE]),
            (323, _SHORT, [_TILE]),
            (324, _LONG8, offsets),
            (325, _LONG8, sizes),
            (339, _SHORT, [1] * num_bands),
        ]
        if colours is not None:
            table = np.zeros((256, 3), np.uint16)
            table[: len(colours)] = np.asarray(colours, np.uint16) * 257
            tags.append((320, _SHORT, table.T.ravel()))
        if num_bands > 1:
            tags.append((338, _SHORT, [0] * (num_bands - 1)))  # bands beyond the first: no colour
        entries = [self._entry(*tag) for tag in sorted(tags, key=lambda tag: tag[0])]
        place = self._file.tell()
        self._file.write(struct.pack("<Q", len(entries)) + b"".join(entries) + struct.pack("<Q", 0))
        self._file.seek(8)
        self._file.write(struct.pack("<Q", place))

    def _entry(
        self, tag: int, kind: tuple[int, str], values: Sequence[int] | NDArray[Any]
    ) -> bytes:
        """Write one tag; what does not fit into eight bytes goes into the file before."""
        code, form = kind
        content = np.asarray(values, np.dtype(form).newbyteorder("<")).tobytes()
        if len(content) > 8:
            place = self._file.tell()
            self._file.write(content)
            content = struct.pack("<Q", place)
        return struct.pack("<HHQ", tag, code, len(values)) + content.ljust(8, b"\0")
