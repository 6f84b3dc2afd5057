"""The metadata of network files (ONNX), read and replaced without any runtime.

An ONNX file is one message of protocol buffers. Of its fields only those with the metadata are
looked at: the graph, which is nearly all of the file, is skipped, or copied as it is.
"""

import hashlib
import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from deeplab.inference.engine import not_a_network
from deeplab.network_card import NetworkCard

_METADATA = 14  # the field `metadata_props` of ModelProto: a key (1) and a value (2)
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5  # kinds of fields


def read_card(path: Path) -> NetworkCard:
    """Read the network card of an ONNX file.

    Raises:
        ValueError: Not an ONNX file, a damaged one, or one without a card.
    """
    metadata = read_metadata(path)
    try:
        return NetworkCard.from_metadata(metadata)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of an ONNX file; it may be of any size.

    Raises:
        ValueError: Not an ONNX file, or a damaged one.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        try:
            return dict(
                _read_entry(_content(file, start, end))
                for number, _, start, end in _fields(file, size)
                if number == _METADATA
            )
        except ValueError as error:
            raise not_a_network(path, error) from error


def replace_metadata(path: Path, metadata: Mapping[str, str]) -> bytes:
    """Give the content of an ONNX file with other values of some keys, and all else as it is.

    Args:
        path: The file.
        metadata: What to set; keys that are not named keep their values.

    Raises:
        ValueError: Not an ONNX file, or a damaged one.
    """
    kept = read_metadata(path)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        parts = [
            _content(file, before, end)
            for number, before, _, end in _fields(file, size)
            if number != _METADATA
        ]
    for key, value in {**kept, **metadata}.items():
        parts.append(_field(_METADATA, _field(1, key.encode()) + _field(2, value.encode())))
    return b"".join(parts)


def hash_network(path: Path) -> str:
    """Give the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fields(file: BinaryIO, size: int) -> Iterator[tuple[int, int, int, int]]:
    """Walk through the fields of a message: number, where it begins, its content's ends."""
    place = 0
    while place < size:
        file.seek(place)
        key = _read_varint(file)
        number, kind = key >> 3, key & 7
        if kind == _BYTES:
            length = _read_varint(file)
            start = file.tell()
        else:
            start = file.tell()
            length = {_FIXED_64: 8, _FIXED_32: 4}.get(kind, 0)
            if kind == _VARINT:
                _read_varint(file)
                length = file.tell() - start
            elif not length:
                raise ValueError(f"field {number} is of kind {kind}, which there is not")
        if number == 0 or start + length > size:
            raise ValueError("a field ends behind the end of the file")
        yield number, place, start, start + length
        place = start + length


def _read_entry(content: bytes) -> tuple[str, str]:
    texts = {
        number: content[start:end].decode()
        for number, _, start, end in _fields(io.BytesIO(content), len(content))
    }
    return texts.get(1, ""), texts.get(2, "")


def _content(file: BinaryIO, start: int, end: int) -> bytes:
    file.seek(start)
    return file.read(end - start)


def _read_varint(file: BinaryIO) -> int:
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("the file ends within a number")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number is longer than 64 bits")


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value >= 0x80:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    parts.append(value)
    return bytes(parts)
