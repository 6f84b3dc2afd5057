"""One blob of a `.caffemodel`: a tensor as Caffe stores it, old and new.

Reference: BVLC Caffe, `src/caffe/proto/caffe.proto` (BlobProto) and `blob.cpp` (Blob::FromProto).
"""

from math import prod

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deeplab.models.foreign.protobuf import BYTES, VARINT, Field, ProtobufFile

MAX_AXES = 32
"""Of one blob, as in Caffe."""
MAX_SIDE = 2**31 - 1
"""Of one axis, as in Caffe."""
_MAX_PIECES = 1000  # in which the values of one blob come; Caffe writes one
_LEGACY = (1, 2, 3, 4)  # num, channels, height, width: four axes, until 2014
_DATA, _SHAPE, _DOUBLE_DATA = 5, 7, 8  # 6 and 9 are gradients


def read_blob(file: ProtobufFile, blob: Field) -> Tensor:
    """Copy one blob out of the file: float32, in the shape that the file gives.

    Where a blob has several kinds of shape or of values, the one counts that Caffe looks at first.

    Raises:
        ValueError: Shape and number of values do not agree, or a value is not finite.
    """
    shape: list[int] = []
    legacy: dict[int, int] = {}
    single: list[NDArray[np.generic]] = []
    double: list[NDArray[np.generic]] = []
    for one in file.fields(blob.begin, blob.end):
        if one.number in _LEGACY:
            file.expect(one, VARINT)
            legacy[one.number] = file.integers(one, at_most=1)[0]
        elif one.number == _DATA:
            single.append(file.values(one, "<f4"))
        elif one.number == _SHAPE:
            shape += _read_shape(file, one)
        elif one.number == _DOUBLE_DATA:
            double.append(file.values(one, "<f8"))
        if len(single) + len(double) > _MAX_PIECES:
            file.fail(one.begin, f"values in more than {_MAX_PIECES} pieces")
    if legacy:
        shape = [legacy.get(number, 0) for number in _LEGACY]
    pieces = double if any(len(piece) for piece in double) else single
    _check_shape(file, shape, sum(len(piece) for piece in pieces), blob.begin)
    return _joined(file, pieces, blob.begin).reshape(shape)


def _read_shape(file: ProtobufFile, message: Field) -> list[int]:
    file.expect(message, BYTES)
    found: list[int] = []
    for one in file.fields(message.begin, message.end):
        if one.number == 1:
            found += file.integers(one, at_most=MAX_AXES)
        if len(found) > MAX_AXES:
            file.fail(one.begin, f"more than {MAX_AXES} axes in the shape of a blob")
    return found


def _check_shape(file: ProtobufFile, shape: list[int], num_values: int, position: int) -> None:
    if len(shape) > MAX_AXES:
        file.fail(position, f"more than {MAX_AXES} axes in the shape of a blob")
    if not all(1 <= side <= MAX_SIDE for side in shape):
        file.fail(position, f"a blob of shape {shape}; allowed are sides of 1 to {MAX_SIDE}")
    if prod(shape) != num_values:
        file.fail(
            position,
            f"a blob of shape {shape}, which takes {prod(shape)} values, but the file has "
            f"{num_values} for it",
        )


def _joined(file: ProtobufFile, pieces: list[NDArray[np.generic]], position: int) -> Tensor:
    values = np.empty(sum(len(piece) for piece in pieces), np.float32)
    filled = 0
    with np.errstate(over="ignore", invalid="ignore"):  # found right below
        for piece in pieces:
            values[filled : filled + len(piece)] = piece
            filled += len(piece)
    if not (np.isfinite(values.min()) and np.isfinite(values.max())):
        place = int(np.argmin(np.isfinite(values)))
        file.fail(
            position,
            f"value {place} of a blob is {values[place]}; allowed are finite float32 numbers",
        )
    return torch.from_numpy(values)
