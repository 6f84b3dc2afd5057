"""GeoTIFF files written row by row, through rasterio, at the place of what they belong to."""

import errno
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import without_warnings
from deeplab.rasters.geo_raster import GDAL_CACHE_BYTES, import_rasterio
from deeplab.rasters.row_file import RowFile, RowGroups, RowLayout

_TILE = 256
_FULL = 2**20  # bytes: a disk with less than that left is full


class GeoFile(RowFile):
    """A tiled GeoTIFF, compressed with deflate, that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        layout: Of its rows; bands are stored one behind the other.
        place: `Raster.place` of what the rows belong to.
        nodata: The value of pixels that were not measured; None: there is none.
        descriptions: Names of the bands.
        scale: What one step of the values is worth, such as 1 / 255.
    """

    def __init__(
        self,
        path: Path,
        layout: RowLayout,
        *,
        place: Any,
        nodata: int | None = None,
        descriptions: Sequence[str] = (),
        scale: float | None = None,
    ) -> None:
        rasterio = import_rasterio(path)
        self._path = path
        self._error: type[Exception] = rasterio.errors.RasterioError
        self._environment = rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES)
        dtype = np.dtype(layout.dtype)
        self._groups = RowGroups((_TILE, layout.width, layout.num_bands), dtype)
        self._num_written = 0
        with self._environment, without_warnings:  # it warns of a place that is none
            self._file = rasterio.open(
                path,
                "w",
                driver="GTiff",
                height=layout.height,
                width=layout.width,
                count=layout.num_bands,
                dtype=dtype.name,
                nodata=nodata,
                tiled=True,
                blockxsize=_TILE,
                blockysize=_TILE,
                compress="deflate",
                zlevel=1,
                interleave="band",
                BIGTIFF="IF_SAFER",
                **place,
            )
            if layout.colours is not None:
                colours = {value: tuple(colour) for value, colour in enumerate(layout.colours)}
                self._file.write_colormap(1, colours)
            if descriptions:
                self._file.descriptions = tuple(descriptions)
            if scale is not None:
                self._file.scales = (scale,) * layout.num_bands

    def write(self, rows: NDArray[Any]) -> None:
        """See `RowFile.write`."""
        for group in self._groups.add(rows):  # whole tiles: those in parts are compressed twice
            self._write_group(group)

    def finish(self) -> None:
        """See `RowFile.finish`."""
        self._write_group(self._groups.rest())
        with self._environment:
            self._file.close()
        self._check()

    def abandon(self) -> None:
        """See `RowFile.abandon`."""
        with self._environment:
            self._file.close()

    def _write_group(self, rows: NDArray[Any]) -> None:
        from rasterio.windows import Window

        if not len(rows):
            return
        window = Window(0, self._num_written, self._file.width, len(rows))
        with self._environment:
            try:
                self._file.write(np.ascontiguousarray(rows.transpose(2, 0, 1)), window=window)
            except self._error as error:
                raise self._not_taken() from error
        self._num_written += len(rows)

    def _check(self) -> None:
        """Look whether all tiles are there: on closing, GDAL keeps it to itself if they are not."""
        import rasterio

        size = self._path.stat().st_size
        try:
            with self._environment, without_warnings, rasterio.open(self._path) as file:
                tiles = np.ndindex(-(-file.width // _TILE), -(-file.height // _TILE))
                ends = [_end(file, band, *at) for at in tiles for band in file.indexes]
        except self._error as error:
            raise self._not_taken() from error
        if not all(0 < end <= size for end in ends):
            raise self._not_taken()

    def _not_taken(self) -> OSError:
        """Say why a file could not be written, which GDAL does not."""
        is_full = shutil.disk_usage(self._path.parent).free < _FULL
        code = errno.ENOSPC if is_full else errno.EIO
        return OSError(code, os.strerror(code), str(self._path))


def _end(file: Any, band: int, column: int, row: int) -> int:
    """Say at which byte a tile ends; 0 if there is none."""
    offset, size = (
        int(file.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=band) or 0)
        for what in ("OFFSET", "SIZE")
    )
    return offset + size if offset and size else 0
