"""Google's wire format, read where it lies: field by field, never more than the file holds.

Reference: protobuf.dev/programming-guides/encoding. Nothing is reserved by a size that the file
declares: values are views of its bytes, so a hostile file costs time at most, and that is bounded
by the number of fields.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

MAX_FIELDS = 100_000
"""Fields that are looked at in one file; the published networks have some ten thousand."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types; 3 and 4 are groups, which are history
_KINDS = {VARINT: "a number", FIXED64: "8 bytes", BYTES: "a message or text", FIXED32: "4 bytes"}


@dataclass(frozen=True)
class Field:
    """One field of a message.

    Attributes:
        number: As in the `.proto` file.
        wire_type: VARINT, FIXED64, BYTES or FIXED32.
        begin: Where its content begins in the file; for what is said of faults.
        end: Where it ends. Of FIXED32 and FIXED64 it may be a run of several fields: see `values`.
        value: The number, of VARINT.
        step: Bytes from one value to the next in such a run.
    """

    number: int
    wire_type: int
    begin: int
    end: int
    value: int = 0
    step: int = 0


class ProtobufFile:
    """A file of one message.

    Attributes:
        path: The file.
        size: Its bytes.
        place: What is being read, such as "layer 'conv1'", for what is said of faults.

    Raises:
        OSError: There is no such file.
        ValueError: It is empty.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.place = path, ""
        self.size = path.stat().st_size
        if self.size == 0:
            raise ValueError(f"{path} is empty (0 bytes)")
        with path.open("rb") as file:
            self.content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._num_fields = 0

    def fail(self, position: int, what: str) -> NoReturn:
        """Raise a ValueError that names file, byte and place."""
        place = f" ({self.place})" if self.place else ""
        raise ValueError(f"{self.path}, byte {position}{place}: {what}")

    def fields(self, begin: int, end: int) -> Iterator[Field]:
        """Walk through the fields of the message in bytes `begin` to `end`.

        Fields of 4 or 8 bytes that follow each other under one number are given as one.

        Raises:
            ValueError: The bytes are no message.
        """
        position = begin
        while position < end:
            self._num_fields += 1
            if self._num_fields > MAX_FIELDS:
                self.fail(position, f"more than {MAX_FIELDS} fields: no network has so many")
            tag, after = self._varint(position, end)
            number, wire_type = tag >> 3, tag & 7
            if not 0 < number < 2**29:
                self.fail(position, f"field number {number}; allowed are 1 to {2**29 - 1}")
            field = self._field(number, wire_type, position, after, end)
            yield field
            position = field.end

    def text(self, field: Field) -> str:
        """Read a name.

        Raises:
            ValueError: It is not UTF-8, or longer than 1000 bytes.
        """
        self.expect(field, BYTES)
        if field.end - field.begin > 1000:
            self.fail(field.begin, f"a name of {field.end - field.begin} bytes; allowed are 1000")
        try:
            return str(self.content[field.begin : field.end], "utf-8")
        except UnicodeDecodeError:
            self.fail(field.begin, "a name that is not UTF-8 text")

    def integers(self, field: Field, *, at_most: int) -> list[int]:
        """Read one or several (packed) signed integers.

        Raises:
            ValueError: There are more than `at_most`, or they are no integers.
        """
        self.expect(field, VARINT, BYTES)
        if field.wire_type == VARINT:
            return [_signed(field.value)]
        found: list[int] = []
        position = field.begin
        while position < field.end:
            if len(found) == at_most:
                self.fail(position, f"more than {at_most} numbers in one list")
            value, position = self._varint(position, field.end)
            found.append(_signed(value))
        return found

    def values(self, field: Field, dtype: str) -> NDArray[np.generic]:
        """Look at floats, packed or one by one: (n,) of `dtype` ("<f4" or "<f8"), not copied.

        Raises:
            ValueError: The field is of another type, or holds a broken number of floats.
        """
        item = np.dtype(dtype)
        alone = FIXED32 if item.itemsize == 4 else FIXED64
        self.expect(field, BYTES, alone)
        content = self.content[field.begin : field.end]
        if field.wire_type == alone:
            # A run: value, tag, value, tag, ..., value.
            count = (len(content) - item.itemsize) // field.step + 1
            return np.ndarray((count,), item, content, strides=(field.step,))
        if len(content) % item.itemsize:
            self.fail(
                field.begin, f"{len(content)} bytes of numbers that take {item.itemsize} bytes each"
            )
        return np.frombuffer(content, item)

    def expect(self, field: Field, *wire_types: int) -> None:
        """Make sure of a field's type.

        Raises:
            ValueError: It is another one.
        """
        if field.wire_type not in wire_types:
            allowed = " or ".join(_KINDS[one] for one in wire_types)
            self.fail(
                field.begin,
                f"field {field.number} is {_KINDS[field.wire_type]}, where {allowed} belongs",
            )

    def _field(self, number: int, wire_type: int, start: int, begin: int, end: int) -> Field:
        if wire_type == VARINT:
            value, after = self._varint(begin, end)
            return Field(number, wire_type, begin, after, value)
        if wire_type == BYTES:
            length, begin = self._varint(begin, end)
            self._check_length(length, begin, end)
            return Field(number, wire_type, begin, begin + length)
        if wire_type in (FIXED32, FIXED64):
            width = 4 if wire_type == FIXED32 else 8
            self._check_length(width, begin, end)
            after = self._end_of_run(start, begin, end, width)
            return Field(number, wire_type, begin, after, step=begin - start + width)
        self.fail(start, f"wire type {wire_type}; allowed are 0, 1, 2 and 5 (groups are history)")

    def _check_length(self, length: int, begin: int, end: int) -> None:
        if length > end - begin:
            self.fail(
                begin,
                f"a field of {length} bytes, where {end - begin} are left: the file is damaged or "
                "was not downloaded to its end",
            )

    def _end_of_run(self, start: int, begin: int, end: int, width: int) -> int:
        """Find where fields of the same tag and width stop following each other."""
        tag = bytes(self.content[start:begin])
        step = len(tag) + width
        position = begin + width
        while position + step <= end and self.content[position : position + len(tag)] == tag:
            num_rows = min((end - position) // step, 65536)
            rows = np.frombuffer(self.content, np.uint8, num_rows * step, position)
            same = (rows.reshape(num_rows, step)[:, : len(tag)] == list(tag)).all(axis=1)
            position += step * (num_rows if same.all() else int(same.argmin()))
        return position

    def _varint(self, position: int, end: int) -> tuple[int, int]:
        """Read an unsigned number of up to 64 bits: the number, and where it ends."""
        value = shift = 0
        for place in range(position, min(position + 10, end)):
            byte = self.content[place]
            value |= (byte & 127) << shift
            if byte < 128:
                return value & 0xFFFF_FFFF_FFFF_FFFF, place + 1
            shift += 7
        if end - position >= 10:
            self.fail(position, "a number of more than 10 bytes")
        self.fail(position, "the bytes end in the middle of a number: the file is damaged")


def _signed(value: int) -> int:
    return value - 2**64 if value >= 2**63 else value
