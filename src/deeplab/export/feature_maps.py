"""What real pictures show of a network's feature maps: their limits, means, and some values.

Shapes: C channels, S values.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

_PICTURES = "pictures"
_STEP = 7  # pixels of a feature map, in both directions, from one that is looked at to the next
_MOST_VALUES = 4096  # of a picture that are kept of each feature map


@dataclass(frozen=True)
class FeatureMap:
    """A feature map, as pictures showed it.

    Attributes:
        least: The smallest value of all.
        largest: The largest.
        mean_C: Of every channel: the mean over positions, and over pictures, whatever their sizes.
        values_S: Some values, spread over channels and positions.
    """

    least: float
    largest: float
    mean_C: NDArray[np.float64]
    values_S: NDArray[np.float32]


def observe(
    model: onnx.ModelProto, names: Sequence[str], pictures: Iterable[NDArray[np.uint8]]
) -> dict[str, FeatureMap]:
    """Look at feature maps (N, C, h, w) while a network scores pictures.

    Args:
        model: The network, of opset 18 or later; it stays as it is.
        names: Of the feature maps; each once.
        pictures: (H, W, bands) each; at least one.
    """
    session = _open(_with_outputs(model, names))
    seen = [_watch(session, names, picture) for picture in pictures]
    return {name: _sum_up([maps[name] for maps in seen]) for name in names}


def _with_outputs(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """Let the graph reduce its feature maps by itself: whole, they could fill the memory."""
    watching = copy.deepcopy(model)
    graph = watching.graph
    del graph.output[:]
    constants = {"axes": [0, 2, 3], "from": [0, 0], "to": [2**31 - 1] * 2, "steps": [_STEP] * 2}
    constants["planes"] = [2, 3]
    graph.initializer.extend(
        numpy_helper.from_array(np.array(values, np.int64), f"watch/{name}")
        for name, values in constants.items()
    )
    for name in names:
        for kind in ("Min", "Max", "Mean"):
            inputs, output = [name, "watch/axes"], f"watch/{kind}/{name}"
            graph.node.append(helper.make_node(f"Reduce{kind}", inputs, [output], keepdims=0))
            graph.output.append(_float_output(output))
        inputs = [name, *(f"watch/{one}" for one in ("from", "to", "planes", "steps"))]
        graph.node.append(helper.make_node("Slice", inputs, [f"watch/some/{name}"]))
        graph.output.append(_float_output(f"watch/some/{name}"))
    return watching


def _float_output(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)


def _open(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # errors come as exceptions
    options.enable_mem_pattern = False  # pictures have many sizes
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _watch(
    session: onnxruntime.InferenceSession, names: Sequence[str], picture: NDArray[np.uint8]
) -> dict[str, FeatureMap]:
    found: Iterator[NDArray[np.float32]] = iter(session.run(None, {_PICTURES: picture[None]}))
    maps = {}
    for name in names:
        least, largest, mean, some = (next(found) for _ in range(4))
        count = min(some.size, _MOST_VALUES)
        values_S = some.ravel()[np.linspace(0, some.size - 1, count).round().astype(int)]
        mean_C = mean.astype(np.float64)
        maps[name] = FeatureMap(float(least.min()), float(largest.max()), mean_C, values_S)
    return maps


def _sum_up(maps: Sequence[FeatureMap]) -> FeatureMap:
    return FeatureMap(
        min(one.least for one in maps),
        max(one.largest for one in maps),
        np.mean([one.mean_C for one in maps], axis=0),
        np.concatenate([one.values_S for one in maps]),
    )
