"""How PASCAL-Context numbers its classes: 459 ids, and two numberings of the 59 in use.

The official files say it in `labels.txt` (459 names) and `59_labels.txt`. Where these are missing,
the numbers are known here; the alphabetical numbering is the order of the 59 among the 459.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.labels import PASCAL_CONTEXT

NUM_IDS = 459
"""Ids 1..459 occur in the official `.mat` files, and 0 where nothing is labelled."""

OFFICIAL_IDS: tuple[int, ...] = (
    *(2, 23, 25, 31, 34, 45, 59, 65, 72, 98, 397, 113, 207, 258, 284, 308, 347, 368, 416, 427),
    *(9, 18, 22, 33, 44, 46, 68, 80, 85, 104, 115, 144, 158, 159, 162, 187, 189, 220, 232, 259),
    *(260, 105, 296, 355, 295, 324, 326, 349, 354, 360, 366, 19, 415, 420, 424, 440, 445, 454, 458),
)
"""The official ids of labels 1..59, in the order of the labels."""

Numbering = Literal["official", "alphabetical"]

NUMBERINGS: Mapping[Numbering, tuple[int, ...]] = {
    "official": tuple(range(60)),
    "alphabetical": (0, *(1 + OFFICIAL_IDS.index(number) for number in sorted(OFFICIAL_IDS))),
}
"""For values 0..59 of a PNG: the label that each one means."""

_SPELLINGS = {"table": "diningtable", "cloth": "clothes", "bedclothes": "bedcloth"}
_COMMON = [
    *("building", "floor", "grass", "ground", "person"),
    *("road", "sky", "tree", "wall", "water"),
]
_FEWEST = 5  # of 2000 draws of five real label maps 0.6 % looked more like the other numbering
_CLEARLY = 1.5
_MOST_BYTES = 100_000  # of a list of names


def table_of_ids(names: Mapping[int, str] | None) -> NDArray[np.uint8]:
    """Make the table from the 459 ids to the 59 classes: (460,), 0 for all others.

    Args:
        names: What `labels.txt` calls the ids; None for the official ids.

    Raises:
        ValueError: One of the 59 is not among the names.
    """
    table = np.zeros(NUM_IDS + 1, np.uint8)
    numbers: Sequence[int] = OFFICIAL_IDS
    if names is not None:
        by_name = {plain(name): number for number, name in names.items()}
        wanted = PASCAL_CONTEXT.class_names[1:]
        missing = [name for name in wanted if name not in by_name]
        if missing:
            raise ValueError(f"labels.txt does not name the classes {', '.join(missing)}")
        numbers = [by_name[name] for name in wanted]
    table[list(numbers)] = np.arange(1, len(numbers) + 1)
    return table


def read_names(path: Path) -> dict[int, str]:
    """Read a list of class names: lines `11: table`, or names alone, the first one being 1.

    Returns:
        The name of each number; nothing if the file is no such list.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            return {}
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    matches = [re.fullmatch(r"(\d+)\s*:\s*(\S.*)", line) for line in lines if line]
    if all(matches):
        return {int(match[1]): match[2] for match in matches if match}
    first = 0 if lines[0] == "background" else 1
    return {number: line for number, line in enumerate(lines, start=first) if line}


def numbering_of(names: Mapping[int, str]) -> tuple[int, ...]:
    """Make out how a list of names numbers the 59 classes.

    Returns:
        For values 0..59 the label that each one means; nothing if the names are others.
    """
    plain_names = {number: plain(name) for number, name in names.items()}
    plain_names.setdefault(0, "background")
    if sorted(plain_names) != list(range(60)):
        return ()
    if set(plain_names.values()) != set(PASCAL_CONTEXT.class_names):
        return ()
    return tuple(PASCAL_CONTEXT.class_names.index(plain_names[number]) for number in range(60))


def recognise_numbering(num_pixels: NDArray[np.int64], num_maps: int) -> Numbering | None:
    """Recognise a numbering by the ten classes that cover most of all pictures.

    Args:
        num_pixels: (60,) pixels of each value over all label maps.
        num_maps: How many label maps these are.

    Returns:
        The numbering; None if there are too few pictures, or it is not clear.
    """
    is_common = np.isin(PASCAL_CONTEXT.class_names, _COMMON)
    shares = {
        name: float(num_pixels[is_common[list(labels)]].sum())
        for name, labels in NUMBERINGS.items()
    }
    likely, unlikely = sorted(shares, key=lambda name: -shares[name])
    if num_maps < _FEWEST or shares[likely] < _CLEARLY * shares[unlikely]:
        return None
    return likely


def plain(name: str) -> str:
    """Spell the name of a class as the label set does: no spaces, and a few other words."""
    joined = name.lower().replace(" ", "")
    return _SPELLINGS.get(joined, joined)
