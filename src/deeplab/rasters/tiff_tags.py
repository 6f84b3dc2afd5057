"""The head of a TIFF file, read without any package: which tags its first picture has."""

import struct
from pathlib import Path
from typing import BinaryIO

_MOST_TAGS = 4096
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # types of tags that hold whole numbers


def read_tags(path: Path) -> dict[int, int]:
    """Read the tags of the first picture: number -> value, 0 where that is not one whole number.

    Args:
        path: A TIFF or BigTIFF file.

    Raises:
        ValueError: The head is damaged, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except (struct.error, OSError, OverflowError) as error:
        raise ValueError(f"{path}: the head of this TIFF file is damaged ({error})") from error


def _read(file: BinaryIO) -> dict[int, int]:
    order = "<" if file.read(2) == b"II" else ">"
    is_big = _number(file, f"{order}H") == 43
    if is_big:
        file.seek(8)
    file.seek(_number(file, f"{order}{'Q' if is_big else 'I'}"))
    count = min(_number(file, f"{order}{'Q' if is_big else 'H'}"), _MOST_TAGS)
    head, length = (f"{order}HHQ", 20) if is_big else (f"{order}HHI", 12)
    tags = {}
    for _ in range(count):
        entry = file.read(length)
        tag, kind, number = struct.unpack_from(head, entry)
        form = _NUMBERS.get(kind) if number == 1 else None
        is_inside = form is not None and struct.calcsize(form) <= length - struct.calcsize(head)
        tags[tag] = (
            struct.unpack_from(order + form, entry, struct.calcsize(head))[0]
            if is_inside and form
            else 0
        )
    return tags


def _number(file: BinaryIO, form: str) -> int:
    (value,) = struct.unpack(form, file.read(struct.calcsize(form)))
    return int(value)
