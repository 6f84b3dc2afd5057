"""Quantise a network's graph to integers of 8 bits, with ranges that real pictures show.

Static quantisation by onnxruntime: every convolution gets 8-bit filters, one scale for each of its
output channels, and 8-bit inputs, one range for each feature map. The first convolution, whose
inputs are pixels, and the last ones, whose outputs are class scores, stay in float32: they are a
few per cent of the work and most of the harm.

Filters have 7 of the 8 bits: processors without VNNI add two products of 8 bits in 16 bits, which
overflow with all 8 (onnxruntime's documentation, "Quantize ONNX models", calls it saturation).
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quant_pre_process,
    quantize_static,
)

_PICTURES, _SCORES = "pictures", "class_scores"

_QUANTISED = ["Conv", "Add", "Clip", "Relu", "MaxPool"]
"""Kinds of nodes that take and give integers; what lies between others is float32."""


def quantise(model: onnx.ModelProto, pictures: Iterator[NDArray[np.uint8]]) -> onnx.ModelProto:
    """Quantise a network.

    Args:
        model: Takes pictures (N, H, W, bands), gives class scores; stays as it is.
        pictures: Real ones (H, W, bands), uint8, as large as the network sees them. Ranges of
            feature maps are the smallest and largest values on them.

    Raises:
        ValueError: The network has no convolution that could be quantised.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, prepared, done = (
            Path(folder, f"{name}.onnx") for name in ("given", "ready", "done")
        )
        onnx.save(model, given)
        # Folds constants, so that limits of activations can be read.
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        kept = _first_convolutions(graph) | _last_convolutions(graph)
        if not any(node.op_type == "Conv" and node.name not in kept for node in graph.node):
            raise ValueError(
                "this network has no convolutions between its first and its last: it cannot be "
                "quantised; export it without int8"
            )
        quantize_static(
            str(prepared),
            str(done),
            _Pictures(pictures),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=_QUANTISED,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=sorted(kept),
            calibrate_method=CalibrationMethod.MinMax,
        )
        return onnx.load(done)


class _Pictures(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """Pictures as onnxruntime asks for them: one after the other."""

    def __init__(self, pictures: Iterator[NDArray[np.uint8]]) -> None:
        self._pictures = pictures

    def get_next(self) -> dict[str, Any] | None:
        picture = next(self._pictures, None)
        return None if picture is None else {_PICTURES: picture[np.newaxis]}


def _first_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Name the convolutions that take pixels, and all nodes before them."""
    names, reached = set(), {_PICTURES}
    for node in graph.node:  # in the order of computation
        if reached.intersection(node.input):
            names.add(node.name)
            if node.op_type != "Conv":
                reached.update(node.output)
    return names


def _last_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Name the convolutions that give class scores, and all nodes behind them."""
    names, wanted = set(), {_SCORES}
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            names.add(node.name)
            if node.op_type != "Conv":
                wanted.update(node.input)
    return names
