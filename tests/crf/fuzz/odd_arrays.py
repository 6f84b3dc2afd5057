"""Arrays as nobody should make them, and as somebody will: odd layouts, types and values.

Every function draws what it makes from the generator that it is given, so that a case of the fuzz
run is a function of its number.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

AnyArray = NDArray[np.generic]

_WRONG_DTYPES = ("float16", "float64", "int8", "uint16", "int64", "bool", "complex64", "object")
_EXTREMES = (0.0, -0.0, 1e-45, 1e-38, -1e-38, 1e10, -1e10, 1e30, -1e30, 3e38, -3e38)


def pick(random: np.random.Generator, *choices: object) -> object:
    """Draw one of the choices; a choice that is a list stands for any of its entries."""
    choice = choices[random.integers(len(choices))]
    return pick(random, *choice) if isinstance(choice, list) else choice


def chance(random: np.random.Generator, probability: float) -> bool:
    return bool(random.random() < probability)


def side(random: np.random.Generator) -> int:
    """Draw a height or width: mostly small, around the block of 16 pixels, rarely long."""
    if chance(random, 0.03):
        return int(random.integers(100, 1500))
    return int(pick(random, 1, 2, 3, [15, 16, 17], int(random.integers(1, 40))))


def scores(random: np.random.Generator, shape: Sequence[int]) -> NDArray[np.float32]:
    """Draw class scores of any scale, some with infinities, NaN or extremes in them."""
    scale = float(pick(random, 0.0, 0.1, 1.0, 10.0, 1e4, 1e20, 1e38))
    drawn = (random.standard_normal(shape) * scale).clip(-3e38, 3e38).astype(np.float32)
    if drawn.size and chance(random, 0.2):
        for value in random.choice((np.inf, -np.inf, np.nan, *_EXTREMES), 3):
            drawn[random.random(drawn.shape) < pick(random, 0.001, 0.1, 0.9)] = value
    return drawn


def picture(random: np.random.Generator, height: int, width: int, channels: int) -> AnyArray:
    """Draw a picture: noise, one colour, black and white, or a ramp."""
    shape = (height, width, channels)
    kind = pick(random, "noise", "flat", "extremes", "ramp")
    if kind == "flat":
        return np.full(shape, random.integers(256), np.uint8)
    if kind == "extremes":
        return (random.integers(0, 2, shape) * 255).astype(np.uint8)
    if kind == "ramp":
        return np.arange(np.prod(shape), dtype=np.uint64).astype(np.uint8).reshape(shape)
    return random.integers(0, 256, shape, dtype=np.uint8)


def layout(random: np.random.Generator, array: AnyArray) -> AnyArray:
    """Lay the same values out in memory in another way; the values stay as they are."""
    kind = pick(random, "fortran", "gaps", "backwards", "unaligned", "read-only", "swapped", "same")
    if kind == "fortran":
        return np.asfortranarray(array)
    if kind == "gaps":
        wide = np.repeat(array, 2, axis=-1) if array.ndim else array
        return wide[..., ::2]
    if kind == "backwards":
        return np.ascontiguousarray(array[::-1])[::-1] if array.ndim else array
    if kind == "unaligned":
        raw = np.empty(array.nbytes + 1, np.uint8)[1:]
        moved = raw.view(array.dtype).reshape(array.shape) if array.nbytes else array
        moved[...] = array
        return moved
    if kind == "swapped":
        return array.astype(array.dtype.newbyteorder())
    array = array.copy()
    array.flags.writeable = kind != "read-only"
    return array


def disturb(random: np.random.Generator, array: AnyArray) -> object:
    """Make something that does not fit any more: another shape, type, or no array at all."""
    kind = pick(random, "shape", "shape", "dtype", "dtype", "flat", "empty", "axis", "list", "none")
    if kind == "shape" and array.ndim:
        shape = list(array.shape)
        shape[random.integers(len(shape))] += int(pick(random, -1, 1, 7))
        return np.zeros([max(0, length) for length in shape], array.dtype)
    if kind == "dtype":
        with np.errstate(all="ignore"):
            return array.astype(str(pick(random, *_WRONG_DTYPES)))
    if kind == "empty":
        return array[:0]
    if kind == "axis":
        return array[None] if chance(random, 0.5) else np.moveaxis(array, -1, 0)
    if kind == "list":
        return array.ravel()[:9].tolist()
    return array.ravel() if kind == "flat" else None


def maybe_odd(random: np.random.Generator, array: AnyArray, *, wrong: float = 0.03) -> object:
    """Mostly the array itself, sometimes laid out oddly, sometimes not fitting."""
    if chance(random, wrong):
        return disturb(random, array)
    return layout(random, array) if chance(random, 0.3) else array
