"""Pictures and class scores as users have them become the arrays that the engine takes.

Arrays are numpy's or whatever offers itself as one, such as torch tensors on the CPU; torch itself
is never imported. Nothing is copied that is laid out and typed as needed already.
Shapes: H, W the picture, C its channels, K labels, (h, w) the score grid.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

MAX_CHANNELS = 8
MAX_LABELS = 1024
MAX_COORDINATE = 1e5
"""Largest value / deviation: beyond it, float32 does not tell neighbouring pixels apart well."""

_LAYOUT: tuple[Literal["C"], Literal["A"]] = (
    "C",
    "A",
)  # aligned: numpy can hold floats at odd addresses

_PICTURE = "a picture is uint8, 0..255, of shape (H, W), (H, W, 3) or (H, W, 1..8)"
_SCORES = "class scores are float16, float32 or float64 of shape (K, H, W)"
_SUM_TOLERANCE = 0.01  # a thousand probabilities in float16 are off by less
_LOWEST_LOG = np.log(np.finfo(np.float32).tiny)


class SupportsArray(Protocol):
    """What numpy can see as an array: numpy's own, and torch tensors on the CPU."""

    def __array__(self) -> NDArray[Any]:
        """Show the values as a numpy array."""


def to_array(value: object, what: str) -> NDArray[Any]:
    """See an array-like object as a numpy array, without a copy where that is possible.

    Args:
        value: The object.
        what: What error messages call it.

    Raises:
        ValueError: Not an array, or a tensor that is not on the CPU.
    """
    if isinstance(value, np.ndarray):
        return value
    if not hasattr(value, "__array__") or not hasattr(value, "dtype"):
        advice = "np.asarray(image.convert('RGB'))" if hasattr(value, "convert") else "np.asarray"
        raise ValueError(
            f"{what}: a {type(value).__name__} is no array; give a numpy array or a torch tensor "
            f"on the CPU (make one with {advice})"
        )
    tensor: Any = value
    device = getattr(getattr(tensor, "device", None), "type", "cpu")
    if device != "cpu":
        raise ValueError(f"{what}: a tensor on {device}; move it here with .cpu()")
    if hasattr(tensor, "detach"):
        tensor = tensor.detach()
    if str(tensor.dtype) == "torch.bfloat16":  # numpy has no such type
        tensor = tensor.float()
    return np.asarray(tensor)


def check_picture(value: object) -> NDArray[np.uint8]:
    """Take a picture: uint8 (H, W, C), C-contiguous, grey ones with C = 1.

    Raises:
        ValueError: Other dtypes, shapes, more than 8 channels, or no pixels.
    """
    picture = to_array(value, "picture")
    given = f"picture of shape {picture.shape} and dtype {picture.dtype}"
    if picture.dtype != np.uint8:
        raise ValueError(f"{given}: {_PICTURE}; {_picture_dtype_advice(picture)}")
    if picture.ndim not in (2, 3):
        raise ValueError(f"{given}: {_PICTURE}; a batch also takes a batch of scores")
    if picture.size == 0:
        raise ValueError(f"{given} has no pixels: {_PICTURE}")
    if picture.ndim == 3 and picture.shape[2] > MAX_CHANNELS:
        is_planar = picture.shape[0] <= MAX_CHANNELS
        advice = (
            "move its channels last with picture.transpose(1, 2, 0)"
            if is_planar
            else f"choose at most {MAX_CHANNELS} of its channels"
        )
        raise ValueError(f"{given}: {_PICTURE}; {advice}")
    return np.require(picture, requirements=_LAYOUT).reshape(*picture.shape[:2], -1)


def check_size(size: Sequence[int] | None, picture: NDArray[np.uint8]) -> bool:
    """Say whether scores may come at another size than the picture's.

    Raises:
        ValueError: `size` is not the picture's.
    """
    if size is None:
        return False
    height, width = picture.shape[:2]
    if tuple(size) != (height, width):
        raise ValueError(
            f"size={tuple(size)}: scores are brought to the size of the picture, so give "
            f"size=({height}, {width}) or resize the picture"
        )
    return True


def check_scores(
    value: object, picture: NDArray[np.uint8], *, is_grid: bool, what: str = "scores"
) -> NDArray[np.float32]:
    """Take class scores: float32 (K, H, W), or (K, h, w) if they are a grid; C-contiguous.

    Whether they hold NaN or infinities is left to the engine, which reads them all anyhow; only of
    a grid all have to be finite, because there is no mean of minus infinity and a number.

    Raises:
        ValueError: Other dtypes or shapes, no labels, more than 1024, or a grid that is not finite.
    """
    scores = to_array(value, what)
    given = f"{what} of shape {scores.shape} and dtype {scores.dtype}"
    if scores.dtype.kind != "f" or scores.dtype.itemsize > 8:  # of either byte order
        raise ValueError(f"{given}: {_SCORES}; use astype(np.float32)")
    _check_shape(scores, picture, given, is_grid=is_grid)
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is reported
        contiguous = np.require(scores, np.float32, _LAYOUT)
    if is_grid and not np.isfinite(contiguous).all():
        raise ValueError(f"{given} on a grid: {_describe_bad(contiguous, allow_minus_inf=False)}")
    return contiguous


def check_probabilities(
    value: object, picture: NDArray[np.uint8], *, is_grid: bool
) -> NDArray[np.float32]:
    """Take probabilities in the shapes of scores, and turn them into class scores: their logarithm.

    Probability 0 becomes a score of minus infinity; on a grid, the logarithm of the smallest normal
    float32.

    Raises:
        ValueError: As `check_scores`; values outside 0..1; pixels whose sum is not about 1.
    """
    probabilities = check_scores(value, picture, is_grid=is_grid, what="probabilities")
    given = f"probabilities of shape {probabilities.shape}"
    low, high = probabilities.min(), probabilities.max()
    if not (low >= 0 and high <= 1 + _SUM_TOLERANCE):  # so that NaN is caught, too
        raise ValueError(
            f"{given} hold values from {low:g} to {high:g}: probabilities lie in 0..1; give class "
            "scores before softmax as scores= instead, or clip what resampling has overshot"
        )
    sums = probabilities.sum(axis=0)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums.flat[worst] - 1) > _SUM_TOLERANCE:
        y, x = divmod(worst, sums.shape[1])
        raise ValueError(
            f"{given} sum to {sums[y, x]:g} at row {y}, column {x}: at every pixel the K "
            "probabilities sum to 1 (labels come first, shape (K, H, W)); divide by the sum"
        )
    with np.errstate(divide="ignore"):
        scores = np.log(probabilities)
    return np.maximum(scores, _LOWEST_LOG) if is_grid else scores


def check_coordinates(
    picture: NDArray[np.uint8], deviations: Sequence[float], *, kind: str
) -> None:
    """Make sure that places and colours, divided by their deviations, stay in float's range.

    Args:
        picture: (H, W, C).
        deviations: Of x, y, and of every channel if the kernel sees colours.
        kind: What error messages call the kernel.

    Raises:
        ValueError: A deviation is too small for this picture.
    """
    height, width = picture.shape[:2]
    names = ("x", "y", *(f"channel {channel}" for channel in range(len(deviations) - 2)))
    for name, deviation in zip(names, deviations, strict=True):
        largest = {"x": width - 1, "y": height - 1}.get(name, 255)
        if largest > MAX_COORDINATE * deviation:
            raise ValueError(
                f"{kind}: deviation {deviation:g} of {name} is too small for values up to "
                f"{largest} (at most {MAX_COORDINATE:g} deviations); give at least "
                f"{largest / MAX_COORDINATE:g}, or set the weight to 0 to leave the kernel out"
            )


def find_bad_scores(scores: NDArray[np.float32]) -> str | None:
    """Say where scores are NaN or plus infinity or a pixel has no finite one; none if nowhere."""
    with np.errstate(invalid="ignore"):
        best = scores.max(axis=0)  # NaN if there is one
    if np.isfinite(best).all():
        return None
    return f"scores of shape {scores.shape}: {_describe_bad(scores, allow_minus_inf=True)}"


def _picture_dtype_advice(picture: NDArray[Any]) -> str:
    if picture.dtype.kind == "f":
        return "make 0..255 of 0..1 with (picture * 255).round().astype(np.uint8)"
    return "bring the values to 0..255, then use picture.astype(np.uint8)"


def _check_shape(
    scores: NDArray[Any], picture: NDArray[np.uint8], given: str, *, is_grid: bool
) -> None:
    height, width = picture.shape[:2]
    fits = scores.ndim == 3 and (is_grid or scores.shape[1:] == (height, width))
    if not fits:
        raise ValueError(f"{given}: {_shape_advice(scores, height, width)}")
    if scores.size == 0:
        raise ValueError(f"{given} are empty: {_SCORES}, with K of at least 1")
    if scores.shape[0] > MAX_LABELS:
        advice = "; scores.transpose(2, 0, 1) puts labels first" if is_grid else ""
        raise ValueError(f"{given} have {scores.shape[0]} labels, at most {MAX_LABELS}{advice}")


def _shape_advice(scores: NDArray[Any], height: int, width: int) -> str:
    wanted = f"for this picture {_SCORES.replace('(K, H, W)', f'(K, {height}, {width})')}"
    if scores.ndim == 3 and scores.shape[:2] == (height, width):
        return f"{wanted}; put the labels first with scores.transpose(2, 0, 1)"
    if scores.ndim == 3 and scores.shape[1:] == (width, height):
        return f"{wanted}; rows come before columns: scores.transpose(0, 2, 1)"
    if scores.ndim == 2 and scores.shape[1] == height * width:
        return f"{wanted}; use scores.reshape(-1, {height}, {width})"
    if scores.ndim == 3:
        return f"{wanted}; to have a coarser grid upsampled, give size=({height}, {width})"
    return wanted


def _describe_bad(scores: NDArray[np.float32], *, allow_minus_inf: bool) -> str:
    for is_bad, what in (
        (np.isnan(scores), "NaN"),
        (np.isposinf(scores), "+inf (or a number that float32 cannot hold)"),
        (np.isneginf(scores) & (not allow_minus_inf), "-inf"),
    ):
        if is_bad.any():
            label, y, x = np.unravel_index(is_bad.argmax(), scores.shape)
            return f"{what} at label {label}, row {y}, column {x}; scores have to be finite"
    y, x = np.unravel_index(np.isneginf(scores).all(axis=0).argmax(), scores.shape[1:])
    return f"all labels have -inf at row {y}, column {x}; every pixel needs a finite score"
