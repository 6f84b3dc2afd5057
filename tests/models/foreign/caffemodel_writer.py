"""Write `.caffemodel` files as Caffe does, for tests: today's, and those of 2014 (`version=1`)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

V1_TYPES = {
    "Convolution": 4,
    "InnerProduct": 14,
    "Pooling": 17,
    "ReLU": 18,
    "BatchNorm": 0,
    "Scale": 0,
}


@dataclass
class Layer:
    """A layer's type, blobs and what its settings say: `pad`, `dilation`, `pool`."""

    type: str
    blobs: Sequence[np.ndarray] = ()
    settings: Mapping[str, int] = field(default_factory=dict)


def varint(number: int) -> bytes:
    number %= 2**64
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    return bytes([*encoded, number])


def number(field_number: int, value: int) -> bytes:
    return varint(field_number << 3) + varint(value)


def message(field_number: int, content: bytes) -> bytes:
    return varint(field_number << 3 | 2) + varint(len(content)) + content


def packed(field_number: int, values: Iterable[int]) -> bytes:
    return message(field_number, b"".join(varint(value) for value in values))


def blob(values: np.ndarray, *, version: int = 2) -> bytes:
    """Encode one BlobProto, with gradients that nobody wants, as Caffe's debug snapshots have."""
    if version == 2:
        shape = message(7, packed(1, values.shape))
    else:
        sides = (1,) * (4 - values.ndim) + values.shape
        shape = b"".join(number(place, side) for place, side in enumerate(sides, 1))
    return shape + message(5, values.astype("<f4").tobytes()) + message(6, b"\0\0\0\0")


def layer(name: str, one: Layer, *, version: int = 2) -> bytes:
    """Encode a layer as a field of a NetParameter."""
    convolution, pooling = (106, 121) if version == 2 else (10, 19)
    content = b""
    settings = dict(one.settings)
    if "pool" in settings:
        content += message(pooling, number(1, settings.pop("pool")) + number(2, 3))
    if settings:
        numbers = {"pad": 3, "dilation": 18}
        inside = b"".join(number(numbers[key], value) for key, value in settings.items())
        content += message(convolution, number(1, 21) + inside + message(7, message(1, b"xavier")))
    blobs = b"".join(
        message(7 if version == 2 else 6, blob(values, version=version)) for values in one.blobs
    )
    if version == 2:
        head = message(1, name.encode()) + message(2, one.type.encode())
        return message(100, head + message(3, b"below") + blobs + content)
    head = message(2, b"below") + message(3, b"above") + message(4, name.encode())
    return message(2, head + number(5, V1_TYPES[one.type]) + blobs + content)


def write_caffemodel(path: Path, layers: Mapping[str, Layer], *, version: int = 2) -> Path:
    """Write a net of these layers; one after the other, so that large ones take little memory."""
    with path.open("wb") as file:
        file.write(message(1, b"net"))
        for name, one in layers.items():
            file.write(layer(name, one, version=version))
    return path
