"""Rasters with a place on earth, through rasterio (GDAL): GeoTIFF, VRT, JPEG 2000 and others."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import Picture, without_warnings
from deeplab.rasters.raster import Raster
from deeplab.rasters.tiff_tags import read_tags
from deeplab.rasters.values import Reading

GDAL_CACHE_BYTES = 64 * 2**20
_EXTRA_SAMPLES = 338


class GeoRaster(Raster):
    """A file that GDAL reads, open.

    Pixels that its nodata value, its mask or its transparency leave out count as not measured, and
    so do blocks that are left out of a sparse GeoTIFF.

    Args:
        path: The file.
        reading: How its values become a picture.

    Raises:
        ValueError: Not such a file, or rasterio is not installed.
    """

    def __init__(self, path: Path, reading: Reading) -> None:
        rasterio = import_rasterio(path)
        self.name = str(path)
        try:
            with without_warnings:
                self._file = rasterio.open(path)
        except rasterio.errors.RasterioError as error:
            raise ValueError(f"{path}: not a raster that GDAL can read ({error})") from error
        self.height, self.width = self._file.height, self._file.width
        self.held_bytes = GDAL_CACHE_BYTES
        self.place = {"crs": self._file.crs, "transform": self._file.transform}
        self._reading = reading
        self._palette = _palette(self._file)
        alpha = rasterio.enums.ColorInterp.alpha
        kinds = self._file.colorinterp
        stored = [band for band, kind in enumerate(kinds, 1) if reading.bands or kind != alpha]
        chosen = reading.choose(len(stored) if self._palette is None else 3, self.name)
        self._chosen = [0] if self._palette is not None else list(chosen)
        self._indexes = [stored[band] for band in self._chosen]
        self._alpha: int | None = None
        self._is_geotiff = self._file.driver == "GTiff"
        self._is_premultiplied = self._is_geotiff and read_tags(path).get(_EXTRA_SAMPLES) == 1
        if reading.minds_alpha and self._palette is None and alpha in kinds:
            self._alpha = kinds.index(alpha) + 1
        all_valid = rasterio.enums.MaskFlags.all_valid
        self._has_mask = any(all_valid not in flags for flags in self._file.mask_flag_enums)

    def read(self, top: int, bottom: int) -> Picture:
        """See `Raster.read`."""
        indexes = self._indexes + ([] if self._alpha is None else [self._alpha])
        values = self._from_file("read", top, bottom, indexes=indexes).transpose(1, 2, 0)
        alpha = None
        if self._palette is not None:
            values = self._palette[values[..., 0]]
        if self._alpha is not None:
            values, alpha = values[..., :-1], values[..., -1]
        return self._reading.picture(
            np.ascontiguousarray(values),
            self.name,
            alpha=alpha,
            is_premultiplied=self._is_premultiplied,
        )

    def read_valid(self, top: int, bottom: int) -> NDArray[np.bool_] | None:
        """See `Raster.read_valid`."""
        gaps = list(self._gaps(top, bottom)) if self._is_geotiff else []
        if not (self._has_mask or gaps):
            return None
        valid = np.ones((bottom - top, self.width), np.bool_)
        if self._has_mask:
            valid = self._from_file("dataset_mask", top, bottom) != 0
        for rows, columns in gaps:
            valid[rows, columns] = False
        return valid

    def _gaps(self, top: int, bottom: int) -> Iterator[tuple[slice, slice]]:
        """Find the blocks, counted from row `top`, of which no band is in the file."""
        height, width = self._file.block_shapes[self._indexes[0] - 1]
        for row in range(top // height, -(-bottom // height)):
            rows = slice(max(row * height - top, 0), (row + 1) * height - top)
            for column in range(-(-self.width // width)):
                item = f"BLOCK_OFFSET_{column}_{row}"
                tags = (self._file.get_tag_item(item, "TIFF", bidx=n) for n in self._indexes)
                if not any(tags):
                    yield rows, slice(column * width, (column + 1) * width)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _from_file(self, method: str, top: int, bottom: int, **options: Any) -> NDArray[Any]:
        import rasterio
        from rasterio.windows import Window

        window = Window(0, top, self.width, bottom - top)
        try:
            with rasterio.Env(GDAL_CACHEMAX=GDAL_CACHE_BYTES):
                values: NDArray[Any] = getattr(self._file, method)(window=window, **options)
                return values
        except rasterio.errors.RasterioError as error:
            raise ValueError(f"{self.name}: damaged near row {top} ({error})") from error


def import_rasterio(path: Path) -> Any:
    """Give the package, or say how to get it.

    Args:
        path: What it is needed for.

    Raises:
        ValueError: It is not installed.
    """
    try:
        import rasterio
        import rasterio.enums
        import rasterio.errors
    except ImportError:
        raise ValueError(
            f"{path}: reading a raster with a place on earth takes rasterio: "
            "pip install 'deeplabkit[geo]'"
        ) from None
    return rasterio


def _palette(file: Any) -> NDArray[np.uint8] | None:
    if file.count != 1 or file.colorinterp[0].name != "palette":
        return None
    colours = np.zeros((256, 3), np.uint8)
    for value, colour in file.colormap(1).items():
        colours[value] = colour[:3]
    return colours
