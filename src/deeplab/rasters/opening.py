"""Which reader takes a file, and whether a file is one that has to be read in parts."""

import functools
import importlib.util
import logging
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import bands, imaging
from deeplab.rasters.geo_raster import GeoRaster
from deeplab.rasters.pillow_raster import open_with_pillow
from deeplab.rasters.raster import ArrayRaster, Raster
from deeplab.rasters.tiff_raster import TiffRaster
from deeplab.rasters.tiff_tags import read_tags
from deeplab.rasters.values import Reading

_log = logging.getLogger(__name__)

TIFF_SUFFIXES = (".tif", ".tiff", ".btf", ".tf8", ".svs", ".ndpi", ".scn", ".qptiff")
"""Names of files that are TIFF inside, in lower case."""

_GDAL_ALONE = ".vrt"
_GEO_SUFFIXES = (_GDAL_ALONE, ".jp2", ".img")
_TIFF_BEGINNINGS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_GEO_TAGS = (33550, 33922, 34264, 34735)  # scale, tie points, transformation, keys
_IS_OVER_LIMIT = 2  # times Pillow's limit on pixels: from there on it refuses


def open_raster(
    source: Path | BinaryIO | NDArray[np.uint8],
    reading: Reading,
    *,
    level: int = 0,
    memory: int,
    threads: int | None = None,
) -> Raster:
    """Open a picture of any size.

    TIFF files that lie somewhere on earth, and what else GDAL alone reads, go to rasterio; other
    TIFF files to tifffile; all others are decoded as a whole, by Pillow. Without rasterio the TIFF
    files go to tifffile or Pillow too, and a warning says what is lost.

    Args:
        source: A path, an open binary file, or a picture (H, W, bands) uint8.
        reading: How stored values become a picture.
        level: Of a pyramid in a TIFF file; 0 is the largest.
        memory: Bytes for all that is to be done with it.
        threads: Processor threads that decode, at most; None: one for each core.

    Raises:
        ValueError: Not a picture, one that does not fit, or a package is missing.
    """
    if isinstance(source, np.ndarray):
        return ArrayRaster(bands.read_bands(source, reading.num_bands))
    if isinstance(source, Path):
        if _is_for_gdal(source):
            return _only_whole_level(GeoRaster(source, reading), level)
        if is_tiff(source):
            if is_on_earth(source) and level == 0:
                return _open_on_earth(source, reading, memory, threads)
            return TiffRaster(source, reading, level=level, memory=memory, threads=threads)
    if reading.bands is not None or reading.value_range is not None:
        raise ValueError(f"{source}: --bands and --value-range are of TIFF files and rasters")
    return _only_whole_level(open_with_pillow(source, reading.num_bands, memory), level)


def is_tiff(path: Path) -> bool:
    """Tell a TIFF or BigTIFF file by its first bytes; a pipe, which can be read only once, is none.

    Raises:
        ValueError: There is no such file, or it cannot be read.
    """
    if path.is_fifo():
        return False
    try:
        with path.open("rb") as file:
            return file.read(4) in _TIFF_BEGINNINGS
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error


def is_raster(path: Path) -> bool:
    """Tell whether results of a file are to be TIFF files: those of TIFF files and of GDAL's."""
    return _is_for_gdal(path) or is_tiff(path)


def is_on_earth(path: Path) -> bool:
    """Tell whether a TIFF file says where on earth it lies.

    Raises:
        ValueError: Its head is damaged.
    """
    return any(tag in read_tags(path) for tag in _GEO_TAGS)


def needs_parts(path: Path) -> bool:
    """Tell whether a file is to be read in parts although nobody asked for it.

    So it is with TIFF files that lie somewhere on earth, which the result has to say too, and with
    those that have more pixels than Pillow decodes. What cannot be read at all is not one of them.
    """
    try:
        if path.suffix.lower() == _GDAL_ALONE:
            return True
        if not is_tiff(path):
            return False
        tags = read_tags(path)
    except ValueError:
        return False
    limit = Image.MAX_IMAGE_PIXELS
    is_large = limit is not None and tags.get(256, 0) * tags.get(257, 0) > _IS_OVER_LIMIT * limit
    return is_large or any(tag in tags for tag in _GEO_TAGS)


def can_be_whole(path: Path) -> bool:
    """Tell, by its head, whether Pillow decodes a file: it knows its kind, and allows its size."""
    try:
        with imaging.without_warnings, Image.open(path):
            return True
    except Exception:  # Pillow raises nearly every kind
        return False


def _open_on_earth(path: Path, reading: Reading, memory: int, threads: int | None) -> Raster:
    """Open a TIFF file that lies somewhere on earth, by what is installed."""
    if _is_there("rasterio"):
        return GeoRaster(path, reading)
    if _is_there("tifffile"):
        raster: Raster = TiffRaster(path, reading, memory=memory, threads=threads)
        _warn_of_lost_place(
            "and what a mask or transparency in the file leaves out counts as measured"
        )
    elif reading.bands is None and reading.value_range is None and can_be_whole(path):
        raster = open_with_pillow(path, reading.num_bands, memory)
        _warn_of_lost_place("nor where nothing was measured")
    else:
        return GeoRaster(path, reading)  # it says what to install
    return raster


@functools.cache  # once: there may be thousands of files
def _warn_of_lost_place(what_else: str) -> None:
    _log.warning(
        "rasterio is not installed, so results of GeoTIFF files do not say where on earth they "
        "lie, %s; pip install 'deeplabkit[geo]' keeps both",
        what_else,
    )


def _is_for_gdal(path: Path) -> bool:
    """Tell, by its name, a file that rasterio reads if it is there, or that nothing else reads."""
    suffix = path.suffix.lower()
    return suffix == _GDAL_ALONE or (suffix in _GEO_SUFFIXES and _is_there("rasterio"))


def _only_whole_level(raster: Raster, level: int) -> Raster:
    if level:
        raster.close()
        raise ValueError(f"{raster.name}: level {level}: levels are of TIFF pyramids")
    return raster


def _is_there(package: str) -> bool:
    return importlib.util.find_spec(package) is not None
