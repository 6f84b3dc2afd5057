"""Pictures that Pillow decodes: as a whole, which is the only way it knows."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image

from deeplab import bands, imaging
from deeplab.rasters.raster import ArrayRaster, Raster

_BYTES_PER_PIXEL = 4  # of Pillow, of grey and of colour
_LOCK = threading.Lock()


class PillowRaster(Raster):
    """A decoded RGB picture, of which rows are taken.

    Args:
        image: Upright.
        name: What to call it.
    """

    def __init__(self, image: Image.Image, name: str) -> None:
        self.name = name
        self.width, self.height = image.size
        self.held_bytes = self.height * self.width * _BYTES_PER_PIXEL
        self._image = image

    def read(self, top: int, bottom: int) -> imaging.Picture:
        """See `Raster.read`."""
        return imaging.to_rgb(self._image.crop((0, top, self.width, bottom)), self.name)


def open_with_pillow(source: Path | BinaryIO, num_bands: int, memory: int) -> Raster:
    """Decode a picture of any size, if it fits into half of the memory.

    Args:
        source: A path or an open binary file.
        num_bands: See `bands.read_bands`.
        memory: Bytes for all that is to be done with it.

    Raises:
        ValueError: Not a picture, or one that is too large.
    """
    if isinstance(source, Path) and source.suffix.lower() == ".npy":
        return ArrayRaster(bands.read_bands(source, num_bands), str(source))
    with _any_size():
        if isinstance(source, Path) and not source.is_fifo():  # which is read only once
            _check_size(source, memory)
        image, name = imaging.open_image(source)
    if num_bands != 3 or imaging.is_deep_grey(image):
        return ArrayRaster(np.asarray(bands.read_bands(image, num_bands)), name)
    return PillowRaster(image, name)


def _check_size(path: Path, memory: int) -> None:
    try:
        height, width = imaging.read_size(path)
    except ValueError:
        return  # the decoder says it better
    needed = height * width * _BYTES_PER_PIXEL
    if needed > memory / 2:
        raise ValueError(
            f"{path}: {width}x{height} pixels, which have to be decoded at once, take "
            f"{needed / 1e9:.1f} GB of the {memory / 1e9:.1f} GB of memory; give twice as much "
            f"(--memory {2 * needed / 1e9 + 0.1:.1f}GB), or save it as a tiled TIFF, which is "
            "read in parts (pip install 'deeplabkit[tiff]')"
        )


@contextmanager
def _any_size() -> Iterator[None]:
    """Lift Pillow's limit on pixels, which guards those who did not ask for large pictures."""
    with _LOCK:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
