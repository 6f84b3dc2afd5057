"""Quantise a network's graph to integers of 8 bits, by what real pictures show of it.

Filters get one scale for each output channel, feature maps one range each. Which of them become
integers is chosen in `integer_plan.py`; what that does to the numbers is in `integers.py`.

In the graph each such feature map is followed by a pair of nodes, to integers and back, and so are
filters and biases: runtimes see from that what they may compute in integers.
"""

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import quant_pre_process

from deeplab.export.feature_maps import FeatureMap, observe
from deeplab.export.integer_plan import IntegerPlan, plan_integers
from deeplab.export.integers import MapScale, choose_scale, correct_bias, round_filters
from deeplab.export.spread_filters import spread_last_filters


def quantise(model: onnx.ModelProto, pictures: Iterator[NDArray[np.uint8]]) -> onnx.ModelProto:
    """Quantise a network.

    Args:
        model: Takes pictures (N, H, W, bands), gives class scores; stays as it is.
        pictures: Real ones (H, W, bands), uint8, as large as the network sees them.

    Raises:
        ValueError: The network has no convolution that could be quantised.
    """
    prepared = _fold_constants(model)
    spread_last_filters(prepared.graph)
    plan = plan_integers(prepared.graph)
    if not plan.convolutions:
        raise ValueError(
            "this network has no convolutions between its first and its last: it cannot be "
            "quantised; export it without int8"
        )
    seen = observe(prepared, sorted(plan.maps), pictures)
    scales = {name: choose_scale(seen[name]) for name in plan.maps}
    for name in plan.pools:  # in the order of computation
        scales[plan.outputs[name]] = scales[plan.inputs[name]]
    _write(prepared.graph, plan, seen, scales)
    return prepared


def _fold_constants(model: onnx.ModelProto) -> onnx.ModelProto:
    """Fold constants, so that limits of activations can be read, and give a copy."""
    with tempfile.TemporaryDirectory() as folder:
        given, prepared = Path(folder, "given.onnx"), Path(folder, "ready.onnx")
        onnx.save(model, given)
        quant_pre_process(str(given), str(prepared), skip_symbolic_shape=True)
        return onnx.load(prepared)


def _write(
    graph: onnx.GraphProto,
    plan: IntegerPlan,
    seen: Mapping[str, FeatureMap],
    scales: Mapping[str, MapScale],
) -> None:
    """Put integers into the graph."""
    stored = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if node.output[0] in plan.convolutions:
            source = plan.inputs[node.output[0]]
            nodes += _convolution(graph, node, stored, seen[source], scales[source])
        if node.output[0] not in plan.limits:  # these stay between convolution and integers
            for place, name in enumerate(node.input):
                if name in plan.maps:
                    node.input[place] = f"{name}/rounded"
        nodes.append(node)
        for name in plan.maps.intersection(node.output):
            nodes += _rounding(graph, name, scales[name])
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)


def _convolution(
    graph: onnx.GraphProto,
    node: onnx.NodeProto,
    stored: Mapping[str, NDArray[np.float32]],
    seen: FeatureMap,
    inputs: MapScale,
) -> list[onnx.NodeProto]:
    """Let a convolution take filters and bias of integers; give the nodes that widen them."""
    filters = stored[node.input[1]]
    has_bias = len(node.input) > 2
    bias_M = stored[node.input[2]] if has_bias else np.zeros(len(filters), np.float32)
    rounded = round_filters(filters, bias_M, inputs)
    bias_M = correct_bias(bias_M, filters, rounded, seen)
    bias_scales_M = rounded.scales_M * inputs.scale  # as runtimes ask for
    bias_integers = np.rint(bias_M / bias_scales_M).astype(np.int32)
    names = [f"{node.output[0]}/{what}" for what in ("filters", "bias")]
    del node.input[1:]
    node.input.extend(names)
    return [
        _widening(graph, names[0], rounded.integers, rounded.scales_M),
        _widening(graph, names[1], bias_integers, bias_scales_M),
    ]


def _widening(
    graph: onnx.GraphProto,
    name: str,
    integers: NDArray[np.signedinteger],
    scales_M: NDArray[np.float32],
) -> onnx.NodeProto:
    """Store integers, and give the node that makes the numbers of them that they stand for."""
    zeros = np.zeros(len(scales_M), integers.dtype)
    inputs = _store(graph, name, {"integers": integers, "scales": scales_M, "zeros": zeros})
    return helper.make_node("DequantizeLinear", inputs, [name], name, axis=0)


def _rounding(graph: onnx.GraphProto, name: str, scale: MapScale) -> list[onnx.NodeProto]:
    """Give the nodes that make integers of a feature map, and numbers of these again."""
    how = _store(graph, name, {"scale": np.array(scale.scale), "zero": np.array(scale.zero)})
    integers, rounded = f"{name}/integers", f"{name}/rounded"
    return [
        helper.make_node("QuantizeLinear", [name, *how], [integers], integers),
        helper.make_node("DequantizeLinear", [integers, *how], [rounded], rounded),
    ]


def _store(graph: onnx.GraphProto, name: str, arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Store arrays under names of their own, and give these."""
    names = [f"{name}/{what}" for what in arrays]
    graph.initializer.extend(map(numpy_helper.from_array, arrays.values(), names))
    return names


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Drop the filters that integers took the place of."""
    used = {name for node in graph.node for name in node.input}
    kept = [one for one in graph.initializer if one.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
