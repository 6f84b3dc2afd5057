"""Run lengths: masks as numbers of pixels out of and in a region, in turn.

COCO goes down the columns and may compress the numbers into a text; CVAT goes along the rows.
"""

import numpy as np
from numpy.typing import NDArray


def runs_to_mask(counts: NDArray[np.int64], size: int, where: str) -> NDArray[np.bool_]:
    """Turn run lengths, of pixels out of and in the region in turn, into one value per pixel.

    Args:
        counts: Lengths; the first is of pixels out of the region.
        size: What they have to sum up to.
        where: For messages.
    """
    if (counts < 0).any() or int(counts.sum()) != size:
        raise ValueError(f"{where}: run lengths sum up to {counts.sum()}, not to {size} pixels")
    return np.repeat(np.arange(len(counts)) % 2 == 1, counts)


def mask_of_columns(
    counts: NDArray[np.int64], height: int, width: int, where: str
) -> NDArray[np.bool_]:
    """Turn run lengths down the columns, from left to right, into a mask (H, W)."""
    return runs_to_mask(counts, height * width, where).reshape(width, height).T


def uncompress(counts: str, where: str) -> list[int]:
    """Read COCO's compressed run lengths.

    Five bits a character, from ASCII 48 on, the lowest first; bit 6 says that more follow. From
    the fourth number on, differences to the last but one are stored.

    Raises:
        ValueError: Other characters, or the end is missing.
    """
    numbers: list[int] = []
    value = shift = 0
    for character in counts:
        code = ord(character) - 48
        if not 0 <= code < 64 or shift > 30:
            raise ValueError(f"{where}: {character!r} does not belong into compressed run lengths")
        value |= (code & 31) << shift
        shift += 5
        if code & 32:
            continue
        if code & 16:
            value -= 1 << shift
        numbers.append(value + numbers[-2] if len(numbers) > 2 else value)
        value = shift = 0
    if shift:
        raise ValueError(f"{where}: compressed run lengths are cut short")
    return numbers
