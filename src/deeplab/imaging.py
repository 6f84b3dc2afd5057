"""Pixels: reading pictures and label maps, and resampling.

A picture is RGB, uint8, 0..255, of shape (H, W, 3). A label map has shape (H, W) and is uint8, or
uint16 where there are more than 255 classes; its largest value is void.
Class scores are float32 of shape (K, h, w).
Bilinear resampling here is the paper's `Interp` layer (arXiv 1606.00915, section 3.1, and the
published Caffe code): the corners of source and target coincide, nothing is smoothed first.
"""

import io
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

Picture = NDArray[np.uint8]
LabelMap = NDArray[np.unsignedinteger[Any]]
Scores = NDArray[np.float32]
PictureSource = str | Path | BinaryIO | Image.Image | NDArray[Any]

# Formats that Pillow recognises by name but cannot decode.
_NOT_DECODED = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}
_ALLOWED = "a path, an open binary file, a PIL image, or an RGB array (uint8, shape (H, W, 3))"


class _Silence:
    """Lets no warning through while any thread is inside.

    With `warnings.catch_warnings` alone the first thread to leave would switch warnings on for the
    others, and the last one might leave them off for ever.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._num_inside = 0
        self._before = warnings.catch_warnings()

    def __enter__(self) -> None:
        with self._lock:
            if self._num_inside == 0:
                self._before = warnings.catch_warnings()
                self._before.__enter__()
                warnings.simplefilter("ignore")
            self._num_inside += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._num_inside -= 1
            if self._num_inside == 0:
                self._before.__exit__(None, None, None)


without_warnings = _Silence()
"""`with without_warnings:` is for what libraries say of files that can be read all the same."""


def read_picture(source: PictureSource) -> Picture:
    """Read a picture, upright, as RGB, uint8, 0..255, (H, W, 3).

    Files and PIL images may have any mode. Transparent pixels are laid on white. 16-bit grey is
    scaled to 8 bits; 32-bit integers count as 8 bits if none exceeds 255, else as 16 bits; floats
    count as 0..1 if none exceeds 1, else as 0..255. The EXIF orientation is applied. Of an
    animation the first frame is taken.

    Args:
        source: A path, an open binary file, a PIL image, or an array that is already a picture.

    Raises:
        ValueError: The source is not a picture; the message says what was given and what to do.
    """
    if isinstance(source, np.ndarray):
        return _check_array(source)
    return to_rgb(*open_image(source))


def open_image(source: str | Path | BinaryIO | Image.Image) -> tuple[Image.Image, str]:
    """Open and decode an image file, and turn it upright.

    Returns:
        The image in the mode it is stored in, and what to call it when talking to people.

    Raises:
        ValueError: Not a picture; the message says what was given and what to do.
    """
    if isinstance(source, Image.Image):
        return _load(lambda: source, "PIL image"), "PIL image"
    if isinstance(source, str | Path):
        name, content = str(source), _bytes_of(Path(source))
    elif hasattr(source, "read"):
        # Pillow wants to seek, which a pipe cannot; so the bytes are taken first.
        name, content = str(getattr(source, "name", "open file")), source.read()
    else:
        raise ValueError(f"a picture cannot be made from {type(source).__name__}; give {_ALLOWED}")
    if not content:
        raise ValueError(f"{name}: is empty (0 bytes); give a picture file")
    return _load(lambda: Image.open(io.BytesIO(content)), name), name


def read_size(path: Path) -> tuple[int, int]:
    """Read height and width of a picture, upright, from the head of its file.

    Raises:
        ValueError: Not a picture.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            lies_on_its_side = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
    except (OSError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a picture ({error})") from error
    return (width, height) if lies_on_its_side else (height, width)


def read_label_map(path: Path) -> LabelMap:
    """Read a label map, (H, W): the indices of a palette picture or the values of a grey one.

    It is uint8, or uint16 if the file has 16 bits.

    The EXIF orientation is not applied: labels lie as they are stored.

    Raises:
        ValueError: Not a picture, or colours instead of label indices.
    """
    image = read_as_stored(path)
    if image.format == "JPEG":
        raise ValueError(
            f"{path}: JPEG blurs label indices; save the label map as a palette or grey PNG"
        )
    if image.mode == "I;16" or (image.mode == "I" and image.format == "PNG"):
        return np.array(image, dtype=np.uint16)  # mode I: how older versions of Pillow read them
    if image.mode not in ("1", "L", "P"):
        raise ValueError(
            f"{path}: a {image.mode} picture holds colours or more than 16 bits; a label map is a "
            "palette or grey PNG that holds one label index per pixel (255 is void; with 16 bits, "
            "65535)"
        )
    return np.array(image, dtype=np.uint8)


def read_as_stored(path: Path) -> Image.Image:
    """Decode a file of any mode as it is stored: not turned, nothing converted.

    Raises:
        ValueError: Not a picture, or a damaged one.
    """
    content = _bytes_of(path)
    if not content:
        raise ValueError(f"{path}: is empty (0 bytes); give a picture file")
    return _load(lambda: Image.open(io.BytesIO(content)), str(path), turn_upright=False)


def picture_suffixes() -> frozenset[str]:
    """List the endings of names that picture files have, such as ".jpg", in lower case."""
    names = Image.registered_extensions()
    return frozenset(
        suffix for suffix, name in names.items() if name in Image.OPEN and name not in _NOT_DECODED
    )


def resize_picture(picture: Picture, height: int, width: int) -> Picture:
    """Resize bilinearly, corners on corners, without smoothing first; rounds to the nearest.

    Args:
        picture: (H, W, 3).
        height: Rows of the result.
        width: Columns of the result.
    """
    rows = np.linspace(0.0, picture.shape[0] - 1, height)
    columns = np.linspace(0.0, picture.shape[1] - 1, width)
    upper, lower, row_weight = _neighbours(rows, picture.shape[0])
    left, right, column_weight = _neighbours(columns, picture.shape[1])
    weight = row_weight[:, np.newaxis, np.newaxis]
    mixed = picture[upper] * (1 - weight) + picture[lower] * weight
    weight = column_weight[:, np.newaxis]
    mixed = mixed[:, left] * (1 - weight) + mixed[:, right] * weight
    return (mixed + np.float32(0.5)).astype(np.uint8)


def shrink_picture(picture: Picture, longest_side: int) -> Picture:
    """Shrink a picture until no side is longer than `longest_side`; smaller ones stay as they are.

    Unlike `resize_picture` this averages what falls together, as cameras and photo sites do:
    shrinking a large photo by skipping pixels would make it noisy. Pixel (y, x) of the result
    covers the same part of the scene as a block of the original: their outer edges coincide.

    Args:
        picture: (H, W, 3).
        longest_side: Pixels, at least 1.
    """
    height, width = picture.shape[:2]
    factor = longest_side / max(height, width)
    if factor >= 1:
        return picture
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    if picture.shape[2] != 3:
        bands = [
            _shrink(Image.fromarray(picture[..., band]), size) for band in range(picture.shape[2])
        ]
        return np.stack(bands, axis=-1)
    return _shrink(Image.fromarray(as_rgb(picture)), size)


def as_rgb(picture: Picture) -> Picture:
    """Show a picture of any number of bands: three stay, of more the first three, else grey."""
    if picture.shape[2] >= 3:
        return picture[..., :3]
    return np.repeat(picture[..., :1], 3, axis=2)


def _shrink(image: Image.Image, size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.asarray(image.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0))


def sample_scores(scores: Scores, rows: NDArray[Any], columns: NDArray[Any]) -> Scores:
    """Interpolate class scores bilinearly at all crossings of given rows and columns.

    Args:
        scores: (K, h, w).
        rows: (H,) positions, 0 being the first row of `scores` and h - 1 its last; positions
            beyond these take the value at the border.
        columns: (W,) positions, likewise.

    Returns:
        (K, H, W) float32.
    """
    # First between columns, then between rows, in float32: the compiled upsampling of `inference`
    # does the same, operation by operation.
    upper, lower, row_weight = _neighbours(rows, scores.shape[1])
    left, right, weight = _neighbours(columns, scores.shape[2])
    wide = scores.take(left, axis=2) * (1 - weight) + scores.take(right, axis=2) * weight
    weight = row_weight[:, np.newaxis]
    sampled = wide.take(upper, axis=1) * (1 - weight) + wide.take(lower, axis=1) * weight
    return np.asarray(sampled, dtype=np.float32)


def _check_array(array: NDArray[Any]) -> Picture:
    given = f"array of shape {array.shape} and dtype {array.dtype}"
    wanted = "a picture is RGB, uint8, 0..255, of shape (H, W, 3)"
    if array.size == 0:
        raise ValueError(f"{given} has no pixels; {wanted}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{given} holds NaN or infinite values; {wanted}")
    if array.ndim != 3 or array.shape[2] != 3:
        raise ValueError(f"{given}: {wanted}; {_shape_advice(array.shape)}")
    if array.dtype != np.uint8:
        raise ValueError(f"{given}: {wanted}; {_dtype_advice(array)}")
    return array


def _shape_advice(shape: tuple[int, ...]) -> str:
    if len(shape) == 2:
        return "repeat grey values with np.stack([grey] * 3, axis=-1)"
    if len(shape) == 3 and shape[2] == 4:
        return "give RGBA as a PIL image: Image.fromarray(array)"
    if len(shape) == 3 and shape[0] == 3:
        return "move the channels last with array.transpose(1, 2, 0)"
    return "give one picture at a time" if len(shape) == 4 else "reshape it"


def _dtype_advice(array: NDArray[Any]) -> str:
    if array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
        return "make 0..255 of 0..1 with (array * 255).round().astype(np.uint8)"
    return "bring the values to 0..255, then use array.astype(np.uint8)"


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ValueError(f"{path}: is a folder; give a picture file") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error


def _load(
    open_image: Callable[[], Image.Image], name: str, *, turn_upright: bool = True
) -> Image.Image:
    """Open and decode an image, turn it upright; errors become ValueErrors with the name."""
    try:
        with without_warnings:  # broken EXIF blocks and large (but allowed) pictures are read
            image = open_image()
            image.load()
            return _upright(image) if turn_upright else image
    except UnidentifiedImageError:
        raise ValueError(f"{name}: not a picture that Pillow can read{_advice(name)}") from None
    except Image.DecompressionBombError as error:
        raise ValueError(
            f"{name}: too many pixels ({error}); shrink it, or raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from None
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise nearly every kind
        raise ValueError(f"{name}: damaged or cut short ({error})") from error


def _upright(image: Image.Image) -> Image.Image:
    # Pillow's own function copies pictures that stand upright already.
    orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    return image if orientation == 1 else ImageOps.exif_transpose(image)


def _advice(name: str) -> str:
    if name.lower().endswith((".heic", ".heif")):
        return "; convert HEIC to JPEG first"
    return ""


def to_rgb(image: Image.Image, name: str) -> Picture:
    """Turn an image of any mode into RGB, uint8, 0..255, (H, W, 3); see `read_picture`.

    Args:
        image: Decoded.
        name: What to call it in messages.

    Raises:
        ValueError: It has no pixels, or grey values out of range.
    """
    if min(image.size) == 0:
        raise ValueError(f"{name}: {image.size[0]}x{image.size[1]} pixels, a picture has some")
    if image.mode == "RGB" and not image.has_transparency_data:
        return np.asarray(image)
    if is_deep_grey(image):
        grey = grey_8_bit(np.asarray(image), name)
        return np.repeat(grey[..., np.newaxis], 3, axis=-1)
    if image.has_transparency_data:
        # Step by step: Pillow knows the way from premultiplied grey only by way of LA.
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        return np.asarray(Image.alpha_composite(white, rgba).convert("RGB"))
    return np.asarray(image.convert("RGB"))


def is_deep_grey(image: Image.Image) -> bool:
    """Tell whether an image is grey with more than 8 bits a pixel."""
    return image.mode in ("I", "F") or image.mode.startswith("I;16")


def grey_8_bit(values: NDArray[Any], name: str) -> NDArray[np.uint8]:
    """Scale grey values (H, W) of 16 bits, 32 bits or floats to 0..255, see `read_picture`.

    Raises:
        ValueError: Values are out of range; the message names the picture.
    """
    low, high = values.min(), values.max()  # NaN makes both NaN, and every comparison false
    if values.dtype.kind == "f":
        allowed, scale = "0..1 or 0..255", 255.0 if high <= 1 else 1.0
        is_allowed = low >= 0 and high <= 255
    else:
        is_16_bit = values.dtype.itemsize == 2 or high > 255
        allowed, scale = "0..255 or 0..65535", 1 / 257 if is_16_bit else 1.0
        is_allowed = low >= 0 and high <= 65535
    if not is_allowed:
        raise ValueError(f"{name}: grey values {low}..{high}; allowed are {allowed}: rescale them")
    return np.asarray(values * scale + 0.5).astype(np.uint8)


def _neighbours(
    positions: NDArray[Any], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Find the two samples around each position, and the weight of the second one."""
    clamped = np.clip(positions, 0, size - 1)
    before = np.floor(clamped).astype(np.intp)
    after = np.minimum(before + 1, size - 1)
    return before, after, (clamped - before).astype(np.float32)
