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
from deeplab.rasters.row_file import RowFile, RowGroups

_TILE = 256
_FULL = 2**20  # bytes: a disk with less than that left is full


class GeoFile(RowFile):
    """A tiled GeoTIFF, compressed with deflate, that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        height: Rows that will come.
        width: Pixels of each.
        place: `Raster.place` of what the rows belong to.
        colours: RGB 0..255 of up to 256 values, for rows (n, W) of uint8. None: grey.
        dtype: Of the rows.
        num_bands: Bands of the rows, (n, W, bands).
        nodata: The value of pixels that were not measured; None: there is none.
        descriptions: Names of the bands.
        scale: What one step of the values is worth, such as 1 / 255.
    """

    def __init__(
        self,
        path: Path,
        height: int,
        width: int,
        *,
        place: Any,
        colours: Sequence[Sequence[int]] | NDArray[np.uint8] | None = None,
        dtype: type[np.unsignedinteger[Any]] = np.uint8,
        num_bands: int = 1,
        nodata: int | None = None,
        descriptions: Sequence[str] = (),
        scale: float | None = None,
    ) -> None:
        rasterio = import_rasterio(path)
        self._path = path
        self._error: type[Exception] = rasterio.errors.RasterioError
        self._environment = rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES)
        self._groups = RowGroups((_TILE, width, num_bands), np.dtype(dtype))
        self._num_written = 0
        with self._environment, without_warnings:  # it warns of a place that is none
            self._file = rasterio.open(
                path,
                "w",
                driver="GTiff",
                height=height,
                width=width,
                count=num_bands,
                dtype=np.dtype(dtype).name,
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
            if colours is not None:
                self._file.write_colormap(1, {n: tuple(colour) for n, colour in enumerate(colours)})
            if descriptions:
                self._file.descriptions = tuple(descriptions)
            if scale is not None:
                self._file.scales = (scale,) * num_bands

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
