"""COCO's run lengths: pixels out of and in a region in turn, down the columns, as a text.

The format is that of pycocotools (`rleToString`): five bits a character, from ASCII 48 on, the
lowest first; bit 6 says that more follow. From the fourth number on, differences to the last but
one are stored.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from deeplab.inference.regions import RegionMap


def runs_of_regions(ids: RegionMap) -> Iterator[list[int]]:
    """List the run lengths of all regions, in the order of ids; all in one pass over the pixels.

    Args:
        ids: (H, W) region of each pixel, 0..R-1, each of which occurs.

    Yields:
        Pixels out of and in the region in turn, beginning with those out of it (may be 0); what
        follows the last pixel of the region counts too, if there is any.
    """
    columns = ids.T.ravel()
    starts = np.flatnonzero(np.diff(columns, prepend=-1))
    ends = np.append(starts[1:], columns.size)
    owners = columns[starts]
    by_owner = np.argsort(owners, kind="stable")
    borders = np.stack([starts, ends], axis=1)[by_owner]
    for own in np.split(borders, np.flatnonzero(np.diff(owners[by_owner])) + 1):
        lengths = np.diff(own.ravel(), prepend=0).tolist()
        rest = columns.size - int(own[-1, 1])
        yield [*lengths, rest] if rest else lengths


def compress(lengths: Sequence[int]) -> str:
    """Write run lengths as pycocotools does."""
    characters = []
    for position, length in enumerate(lengths):
        rest = length - lengths[position - 2] if position > 2 else length
        while True:
            five_bits, rest = rest & 31, rest >> 5
            # The sign is that of the fifth bit of the last character.
            is_last = rest == (-1 if five_bits & 16 else 0)
            characters.append(chr(48 + five_bits + (0 if is_last else 32)))
            if is_last:
                break
    return "".join(characters)
