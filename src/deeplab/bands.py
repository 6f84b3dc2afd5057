"""Pictures of other than three bands: grey ones, with infrared, with many measured values a pixel.

Such a picture is uint8, 0..255, of shape (H, W, C), as an RGB picture is with C = 3. It is read
from what Pillow reads (grey, grey with alpha, RGB, RGBA, CMYK), from TIFF files of several pages,
whose bands are put one behind the other, and from `.npy` files of shape (H, W, C) or (H, W). Values
of 16 bits are divided by 257, so that 65535 becomes 255.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageSequence

from deeplab import imaging

_ADVICE = "give a picture with as many bands, a TIFF file of several pages, or .npy (H, W, bands)"
_AS_STORED = ("L", "LA", "RGB", "RGBA", "RGBX", "CMYK")


def read_bands(source: imaging.PictureSource, num_bands: int) -> imaging.Picture:
    """Read a picture of a number of bands, upright: (H, W, num_bands) uint8, 0..255.

    3 bands are RGB, as `imaging.read_picture` gives them; 1 band is grey, and coloured pictures
    become grey. Otherwise the file has to hold as many bands; they stay as they are stored.

    Args:
        source: A path, an open binary file, a PIL image, or an array (H, W, num_bands) of uint8.
        num_bands: How many bands there have to be, 1 or more.

    Raises:
        ValueError: Not a picture, or one of another number of bands.
    """
    if isinstance(source, np.ndarray):
        return imaging.read_picture(source) if num_bands == 3 else _checked(source, num_bands)
    if isinstance(source, str | Path) and Path(source).suffix.lower() == ".npy":
        return _fitting(_eight_bits(_load_array(Path(source))), num_bands, str(source))
    if num_bands == 3:
        return imaging.read_picture(source)
    image, name = imaging.open_image(source)
    if num_bands == 1:
        return _grey(image, name)
    return _fitting(_all_bands(image, num_bands, name), num_bands, name)


def read_size(path: Path) -> tuple[int, int]:
    """Read height and width of a picture, upright, from the head of its file.

    Raises:
        ValueError: Not a picture.
    """
    if path.suffix.lower() == ".npy":
        height, width = _load_array(path).shape[:2]
        return height, width
    return imaging.read_size(path)


def _load_array(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{path}: not an array of numbers ({error})") from error
    if not isinstance(array, np.ndarray) or array.ndim not in (2, 3) or array.size == 0:
        raise ValueError(f"{path}: a picture is an array of shape (H, W) or (H, W, bands)")
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(
            f"{path}: values of {array.dtype}; allowed are uint8 and uint16: bring them to 0..255 "
            "or 0..65535"
        )
    return array if array.ndim == 3 else array[..., np.newaxis]


def _eight_bits(array: NDArray[Any]) -> imaging.Picture:
    if array.dtype == np.uint8:
        return np.array(array)
    return np.asarray(array * np.float32(1 / 257) + np.float32(0.5)).astype(np.uint8)


def _grey(image: Image.Image, name: str) -> imaging.Picture:
    if image.mode == "L":
        return np.asarray(image)[..., np.newaxis]
    if imaging.is_deep_grey(image):
        return imaging.grey_8_bit(np.asarray(image), name)[..., np.newaxis]
    grey = Image.fromarray(imaging.to_rgb(image, name)).convert("L")
    return np.asarray(grey)[..., np.newaxis]


def _all_bands(image: Image.Image, num_bands: int, name: str) -> imaging.Picture:
    """Put the bands of the pages one behind the other, as many pages as it takes."""
    pages: list[imaging.Picture] = []
    for page in _pages(image):
        pages.append(_stored_bands(page, name))
        if sum(page.shape[2] for page in pages) >= num_bands:
            break
    if len({page.shape[:2] for page in pages}) > 1:
        raise ValueError(f"{name}: its pages have different sizes; bands have one")
    return np.concatenate(pages, axis=2)


def _pages(image: Image.Image) -> Iterator[Image.Image]:
    if getattr(image, "n_frames", 1) == 1:
        yield image
        return
    with imaging.without_warnings:
        yield from ImageSequence.Iterator(image)


def _stored_bands(image: Image.Image, name: str) -> imaging.Picture:
    if imaging.is_deep_grey(image):
        return imaging.grey_8_bit(np.asarray(image), name)[..., np.newaxis]
    stored = np.asarray(image if image.mode in _AS_STORED else image.convert("RGB"))
    return stored if stored.ndim == 3 else stored[..., np.newaxis]


def _fitting(picture: imaging.Picture, num_bands: int, name: str) -> imaging.Picture:
    if picture.shape[2] != num_bands:
        raise ValueError(f"{name}: {picture.shape[2]} bands, but {num_bands} are wanted; {_ADVICE}")
    return picture


def _checked(array: NDArray[Any], num_bands: int) -> imaging.Picture:
    if array.ndim != 3 or array.shape[2] != num_bands or array.dtype != np.uint8 or not array.size:
        raise ValueError(
            f"array of shape {array.shape} and dtype {array.dtype}: a picture for this network is "
            f"uint8, 0..255, of shape (H, W, {num_bands})"
        )
    return array
