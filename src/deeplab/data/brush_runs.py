"""The run lengths of Label Studio's brush: thi.ng's packed bits.

32 bits say how many values follow, 5 how many bits a value has (less one), four times 4 bits the
sizes of run lengths (less one). Then blocks: one bit, whether one value repeats; two bits, which of
the sizes; the number of values (less one) in as many bits; the value, or as many values.
A mask is an RGBA picture, row by row, of which alpha says what is covered.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_VALUE_BITS = 8
_CHANNELS = 4
_COVERED = 128  # alpha of half a pixel


def decode_brush(packed: Sequence[int], size: int, *, where: str) -> NDArray[np.uint8]:
    """Unpack run lengths.

    Args:
        packed: Bytes, 0..255.
        size: How many values they have to hold; a few bytes could claim any number.
        where: For messages.

    Returns:
        The values, (N,).

    Raises:
        ValueError: Not such run lengths, of another number of values, or cut short.
    """
    bits = _Bits(packed, where)
    number, width = bits.take(32), bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if width != _VALUE_BITS:
        raise ValueError(f"{where}: brush values of {width} bits; a mask has {_VALUE_BITS}")
    if number != size:
        raise ValueError(
            f"{where}: a brush mask of {number // _CHANNELS} pixels where {size // _CHANNELS} are "
            "expected; is the picture the one that was annotated?"
        )
    values = np.zeros(number, np.uint8)
    place = 0
    while place < number:
        repeats = bits.take(1)
        end = place + 1 + bits.take(sizes[bits.take(2)])
        if end > number:
            raise ValueError(f"{where}: a brush mask with more than its {number} values")
        if repeats:
            values[place:end] = bits.take(_VALUE_BITS)
        else:
            values[place:end] = [bits.take(_VALUE_BITS) for _ in range(end - place)]
        place = end
    return values


def brush_mask(packed: Sequence[int], height: int, width: int, *, where: str) -> NDArray[np.bool_]:
    """Unpack the mask of a picture: (H, W), true where at least half of a pixel is covered.

    Raises:
        ValueError: See `decode_brush`.
    """
    values = decode_brush(packed, height * width * _CHANNELS, where=where)
    return np.asarray(values.reshape(height, width, _CHANNELS)[..., -1] >= _COVERED)


class _Bits:
    """Bytes, read a few bits at a time, highest bit first."""

    def __init__(self, packed: Sequence[int], where: str) -> None:
        try:
            self._bytes = bytes(packed)
        except (ValueError, TypeError):
            raise ValueError(f"{where}: brush run lengths are numbers of 0..255") from None
        self._place = 0
        self._where = where

    def take(self, number: int) -> int:
        first, last = self._place >> 3, (self._place + number + 7) >> 3
        if last > len(self._bytes):
            raise ValueError(f"{self._where}: a brush mask is cut short")
        self._place += number
        window = int.from_bytes(self._bytes[first:last])
        return window >> (last * 8 - self._place) & ((1 << number) - 1)
