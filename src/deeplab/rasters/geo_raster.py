"""Rasters with a place on earth, through rasterio (GDAL): GeoTIFF, VRT, JPEG 2000 and others."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import Picture, without_warnings
from deeplab.rasters.raster import Raster
from deeplab.rasters.values import Reading

GDAL_CACHE_BYTES = 64 * 2**20


class GeoRaster(Raster):
    """A file that GDAL reads, open.

    Pixels that its nodata value, its mask or its transparency leave out count as not measured.

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
        all_valid = rasterio.enums.MaskFlags.all_valid
        self._has_mask = any(all_valid not in flags for flags in self._file.mask_flag_enums)

    def read(self, top: int, bottom: int) -> Picture:
        """See `Raster.read`."""
        values = self._from_file("read", top, bottom, indexes=self._indexes).transpose(1, 2, 0)
        if self._palette is not None:
            values = self._palette[values[..., 0]]
        return self._reading.picture(np.ascontiguousarray(values), self.name)

    def read_valid(self, top: int, bottom: int) -> NDArray[np.bool_] | None:
        """See `Raster.read_valid`."""
        if not self._has_mask:
            return None
        valid: NDArray[np.bool_] = self._from_file("dataset_mask", top, bottom) != 0
        return valid

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
