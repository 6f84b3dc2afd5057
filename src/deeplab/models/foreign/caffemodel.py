"""Weights of Caffe's `.caffemodel` files, old and new.

Reference: BVLC Caffe, `src/caffe/proto/caffe.proto`. A net is a message of layers: field `layer`
(100) today, `layers` (2, "V1") until 2014, when DeepLab was first released. Names, blobs and the
few settings that weights do not show are read; all else is passed over.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from deeplab.models.foreign.caffe_blob import MAX_AXES, MAX_SIDE, read_blob
from deeplab.models.foreign.other_files import what_else
from deeplab.models.foreign.protobuf import BYTES, VARINT, Field, ProtobufFile

MAX_LAYERS = 20_000
"""The published ResNet-101 with three scales has some 1100."""
MAX_BLOBS = 64
"""Of one layer; a batch norm has 3."""


@dataclass(frozen=True)
class _Numbers:
    """Field numbers of one kind of layer."""

    name: int
    blobs: int
    convolution: int
    pooling: int


_LAYERS = {
    100: _Numbers(name=1, blobs=7, convolution=106, pooling=121),
    2: _Numbers(name=4, blobs=6, convolution=10, pooling=19),
}
_SETTINGS = {"pad": 3, "dilation": 18}  # of a convolution


def read_caffemodel(path: Path) -> dict[str, Tensor]:
    """Read the weights of a `.caffemodel` file.

    A name that comes twice with the same values is read once; with other values it is refused, as
    nobody could tell which of them was meant (Caffe would take the last). Layers without weights
    may share a name.

    Args:
        path: Of any size: no more memory is taken than for the weights themselves.

    Returns:
        Blob i of layer L as `L/i`, float32, in the shape that the file gives: filters (out, in, h,
        w), their input channels in B, G, R order if the file's author kept Caffe's; old files give
        biases as (1, 1, 1, N). Besides, as far as the file has them, int64: `L/pad` and
        `L/dilation` of convolutions (one number, or one per axis), `L/pool` of pools ([0]: maximum,
        [1]: average), and `net/version`, [1] (field `layers`) or [2] (`layer`).

    Raises:
        OSError: There is no such file.
        ValueError: The file is no caffemodel, is damaged, or holds what no network has; the message
            says where, what was found and what is allowed.
    """
    file = ProtobufFile(path)
    _refuse_other_files(file)
    reader = _Reader(file)
    reader.read()
    return reader.tensors


_OTHERS: tuple[tuple[bytes, str], ...] = (
    (
        rb"PK\x03\x04",
        "is a zip archive: a torch checkpoint (then name it .pth), or a download to unpack first",
    ),
    (rb"\x80[\x02-\x05]", "is a pickle: a torch checkpoint of an old kind; name it .pth"),
    (rb"\x89HDF", "is HDF5 (.caffemodel.h5): save it as a binary .caffemodel with Caffe"),
    (rb"\{\"|.{8}\{\"", "is JSON or safetensors, not a caffemodel"),
)
_PROTOTXT = re.compile(rb"\s*(#|\w+\s*[:{])")


def _refuse_other_files(file: ProtobufFile) -> None:
    start = bytes(file.content[:512])
    other = what_else(start)
    if other is not None:
        raise ValueError(f"{file.path} {other}")
    for pattern, what in _OTHERS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            raise ValueError(f"{file.path} {what}")
    is_text = all(32 <= byte < 127 or byte in b"\t\n\r" for byte in start)
    if is_text and _PROTOTXT.match(start):
        raise ValueError(
            f"{file.path} is text (a prototxt?), which describes a network but holds no weights: "
            "give the binary .caffemodel that belongs to it"
        )


@dataclass
class _Reader:
    """What was read so far, and where."""

    file: ProtobufFile
    tensors: dict[str, Tensor] = field(default_factory=dict)
    num_blobs: dict[str, int] = field(default_factory=dict)

    def read(self) -> None:
        file = self.file
        versions: set[int] = set()
        num_layers = 0
        for one in file.fields(0, file.size):
            if one.number == 1 and one.wire_type == VARINT:
                file.fail(
                    0,
                    "begins with a number, where a caffemodel has its name: is it a .solverstate "
                    "or a .binaryproto (mean picture)? Give the .caffemodel",
                )
            if one.number not in _LAYERS:
                continue
            file.expect(one, BYTES)
            num_layers += 1
            if num_layers > MAX_LAYERS:
                file.fail(one.begin, f"more than {MAX_LAYERS} layers: no network has so many")
            file.place = f"layer {num_layers}"
            self._read_layer(one, _LAYERS[one.number])
            file.place = ""
            versions.add(1 if one.number == 2 else 2)
        if len(versions) > 1:
            raise ValueError(
                f"{file.path} has layers of the old kind (field 2) and of the new one (field 100); "
                "allowed is one kind: Caffe would leave out the old ones"
            )
        if not self.num_blobs:
            raise ValueError(
                f"{file.path} has {num_layers} layers and none of them has weights: give the "
                ".caffemodel that Caffe wrote after training"
            )
        self.tensors["net/version"] = torch.tensor([versions.pop()])

    def _read_layer(self, layer: Field, numbers: _Numbers) -> None:
        file = self.file
        name = ""
        blobs: list[Field] = []
        settings: dict[str, list[int]] = {}
        for one in file.fields(layer.begin, layer.end):
            if one.number == numbers.name:
                name = file.text(one)
                file.place = f"layer {name!r}"
            elif one.number == numbers.blobs:
                file.expect(one, BYTES)
                blobs.append(one)
            elif one.number == numbers.convolution and one.wire_type == BYTES:
                settings.update(self._convolution(one))
            elif one.number == numbers.pooling and one.wire_type == BYTES:
                settings["pool"] = [self._pooling(one)]
            elif numbers.name == 4 and one.number == 1 and one.wire_type == BYTES:
                file.fail(
                    one.begin,
                    "a layer of Caffe's first kind (V0, 2013): bring the file up to date with "
                    "Caffe's upgrade_net_proto_binary",
                )
            if len(blobs) > MAX_BLOBS:
                file.fail(one.begin, f"more than {MAX_BLOBS} blobs in one layer")
        if blobs and not name:
            file.fail(layer.begin, "a layer with weights, but without a name")
        for key, values in settings.items():
            self.tensors.setdefault(f"{name}/{key}", torch.tensor(values))
        if blobs:
            self._keep(name, [read_blob(file, one) for one in blobs], layer.begin)

    def _keep(self, name: str, blobs: list[Tensor], position: int) -> None:
        names = [f"{name}/{place}" for place in range(len(blobs))]
        if name in self.num_blobs:
            same = self.num_blobs[name] == len(blobs) and all(
                torch.equal(self.tensors[key], blob) for key, blob in zip(names, blobs, strict=True)
            )
            if not same:
                self.file.fail(
                    position,
                    "a second layer of this name, with other weights; allowed are several of one "
                    "name only if their weights are the same",
                )
            return
        self.num_blobs[name] = len(blobs)
        self.tensors.update(zip(names, blobs, strict=True))

    def _convolution(self, settings: Field) -> dict[str, list[int]]:
        """Read what of a convolution its weights do not show."""
        found: dict[str, list[int]] = {}
        for one in self.file.fields(settings.begin, settings.end):
            for key, number in _SETTINGS.items():
                if one.number == number:
                    found.setdefault(key, []).extend(self._sides(one))
        return found

    def _pooling(self, settings: Field) -> int:
        kind = 0
        for one in self.file.fields(settings.begin, settings.end):
            if one.number == 1:
                kind = self._sides(one)[0]
        return kind

    def _sides(self, numbers: Field) -> list[int]:
        found = self.file.integers(numbers, at_most=MAX_AXES)
        for number in found:
            if not 0 <= number <= MAX_SIDE:
                self.file.fail(numbers.begin, f"setting {number}; allowed are 0 to {MAX_SIDE}")
        return found
