"""Put scales and flip into a network's graph: one run gives what `Segmenter` makes of several.

Reference: arXiv 1606.00915, section 4.1.2. The geometry is that of `inference/segmenter.py`, in the
same arithmetic (positions in float64, weights in float32), so that resized pictures are the same to
the last bit. The copies of the network share its filters.

Shapes: N pictures, (H, W) pixels, K classes, (h, w) the score grid, s the output stride.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

_PICTURES, _SCORES = "pictures", "class_scores"  # what a network file takes and gives

_ROWS, _COLUMNS = 1, 2  # axes of pictures (N, H, W, bands)


def fuse_scales(
    model: onnx.ModelProto, *, scales: Sequence[float], flip: bool, output_stride: int
) -> None:
    """Let a network score every picture at several scales, and keep the largest class scores.

    Args:
        model: Scores pictures at their own size, and is changed: its class scores are then those
            of `Segmenter.class_scores`, on the grid of the largest scale.
        scales: Relative to the picture; at least one.
        flip: Score the mirrored picture too, and average, at every scale, before the maximum.
        output_stride: s, of the network.

    Raises:
        ValueError: The graph has branches or loops, of which copies cannot be made.
    """
    network = _Network(model, output_stride)
    graph = _Nodes()
    largest, *others = sorted(scales, reverse=True)
    seen, fused = network.score(graph, largest, flip=flip)
    for scale in others:
        smaller, scores = network.score(graph, scale, flip=flip)
        positions = [
            graph.on_smaller_grid(graph.length(fused, axis + 1), of=(seen, smaller), axis=axis)
            for axis in (_ROWS, _COLUMNS)
        ]
        fused = graph.add("Max", fused, graph.sample(scores, *positions))
    graph.nodes.append(helper.make_node("Identity", [fused], [_SCORES]))
    _replace_nodes(model.graph, graph)


class _Nodes:
    """A graph that is written node by node; methods give the names of values."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node of one result."""
        name = f"scales/{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, value: float | Sequence[int], dtype: type[np.generic] = np.int64) -> str:
        """Name a number, or a list of them."""
        name = f"scales/{value}_{np.dtype(dtype)}"
        values: NDArray[Any] = np.array(value, dtype)
        self.constants[name] = numpy_helper.from_array(values, name)
        return name

    def double(self, value: str) -> str:
        """Convert to float64."""
        return self.add("Cast", value, to=TensorProto.DOUBLE)

    def length(self, value: str, axis: int) -> str:
        """Count rows or columns: a scalar, int64."""
        return self.add("Squeeze", self.add("Shape", value, start=axis, end=axis + 1))

    def steps(self, length: str) -> str:
        """Count from one end to the other, one less than there are: a scalar, float64."""
        return self.double(self.add("Sub", length, self.constant(1)))

    def every(self, length: str) -> str:
        """List 0, 1, ... length - 1: float64."""
        return self.double(self.add("Range", self.constant(0), length, self.constant(1)))

    def clamped(self, positions: str, length: str) -> str:
        """Keep positions within 0..length - 1."""
        positive = self.add("Max", positions, self.constant(0.0, np.float64))
        return self.add("Min", positive, self.steps(length))

    def scaled(self, length: str, scale: float) -> str:
        """Scale a length so that corner pixels stay corner pixels (ties to even, as `round`)."""
        steps = self.add("Mul", self.steps(length), self.constant(scale, np.float64))
        rounded = self.add("Cast", self.add("Round", steps), to=TensorProto.INT64)
        return self.add("Add", rounded, self.constant(1))

    def resize(self, pictures: str, scale: float) -> str:
        """Resize pictures (N, H, W, bands) as `imaging.resize_picture` does: uint8."""
        values = pictures
        for axis in (_ROWS, _COLUMNS):
            length = self.length(pictures, axis)
            size = self.scaled(length, scale)
            intervals = self.add("Max", self.steps(size), self.constant(1.0, np.float64))
            step = self.add("Div", self.steps(length), intervals)
            positions = self.clamped(self.add("Mul", self.every(size), step), length)
            values = self.between(values, positions, length, axis)
        rounded = self.add("Add", values, self.constant(0.5, np.float32))
        return self.add("Cast", rounded, to=TensorProto.UINT8)

    def between(self, values: str, positions: str, length: str, axis: int) -> str:
        """Mix the two rows (or columns) around each position: float32."""
        floor = self.add("Floor", positions)
        weight = self.add("Cast", self.add("Sub", positions, floor), to=TensorProto.FLOAT)
        weight = self.add("Unsqueeze", weight, self.constant([*range(1, 4 - axis)]))
        before = self.add("Cast", floor, to=TensorProto.INT64)
        last = self.add("Sub", length, self.constant(1))
        after = self.add("Min", self.add("Add", before, self.constant(1)), last)
        first, second = (
            self.add("Cast", self.add("Gather", values, which, axis=axis), to=TensorProto.FLOAT)
            for which in (before, after)
        )
        rest = self.add("Sub", self.constant(1.0, np.float32), weight)
        return self.add("Add", self.add("Mul", first, rest), self.add("Mul", second, weight))

    def mirror(self, pictures: str) -> str:
        """Turn left and right round: (N, H, W, bands)."""
        ends = (self.constant([-1]), self.constant([np.iinfo(np.int64).min]))
        return self.add("Slice", pictures, *ends, self.constant([_COLUMNS]), self.constant([-1]))

    def on_smaller_grid(self, size: str, *, of: tuple[str, str], axis: int) -> str:
        """Say where `size` grid points of the larger pictures lie on the grid of the smaller."""
        of_larger, of_smaller = (self.steps(self.length(pictures, axis)) for pictures in of)
        one = self.constant(1.0, np.float64)
        ratio = self.add("Div", of_smaller, self.add("Max", of_larger, one))
        is_a_point = self.add("Less", of_larger, one)
        return self.add("Mul", self.every(size), self.add("Where", is_a_point, one, ratio))

    def sample(self, scores: str, rows: str | None, columns: str) -> str:
        """Interpolate class scores (N, K, h, w) at positions, as `imaging.sample_scores`."""
        matrix = self.add("Transpose", self.weights(columns, self.length(scores, 3)), perm=[1, 0])
        sampled = self.add("MatMul", scores, matrix)
        if rows is None:
            return sampled
        return self.add("MatMul", self.weights(rows, self.length(scores, 2)), sampled)

    def weights(self, positions: str, size: str) -> str:
        """Weigh each of `size` samples for each position: float32, zero one step away."""
        places = self.add("Unsqueeze", self.clamped(positions, size), self.constant([1]))
        distances = self.add("Abs", self.add("Sub", places, self.every(size)))
        near = self.add("Sub", self.constant(1.0, np.float64), distances)
        return self.add("Cast", self.add("Relu", near), to=TensorProto.FLOAT)


class _Network:
    """A network's nodes, to be copied."""

    def __init__(self, model: onnx.ModelProto, output_stride: int) -> None:
        self._nodes = list(model.graph.node)
        self._shared = {stored.name for stored in model.graph.initializer}
        self._stride = output_stride
        if any(attribute.HasField("g") for node in self._nodes for attribute in node.attribute):
            raise ValueError(
                "this network's graph has branches or loops: scales and flip cannot be put into "
                "it; export without them, and give them to `deeplab segment`"
            )

    def score(self, graph: _Nodes, scale: float, *, flip: bool) -> tuple[str, str]:
        """Score pictures at one scale, flip averaged: resized pictures, scores (N, K, h, w)."""
        pictures = _PICTURES if scale == 1 else graph.resize(_PICTURES, scale)
        if not flip:
            return pictures, self._copy(graph, pictures, scale)
        both = graph.add("Concat", pictures, graph.mirror(pictures), axis=0)
        scores = self._copy(graph, both, scale)
        halves = [f"scale_{scale:g}/plain", f"scale_{scale:g}/mirrored"]
        graph.nodes.append(helper.make_node("Split", [scores], halves, axis=0, num_outputs=2))
        plain, mirrored = halves
        # Column x of the picture is column W-1-x of the mirrored one, on the grid or between.
        last = graph.steps(graph.length(pictures, _COLUMNS))
        last = graph.add("Div", last, graph.constant(self._stride, np.float64))
        columns = graph.add("Sub", last, graph.every(graph.length(plain, 3)))
        total = graph.add("Add", plain, graph.sample(mirrored, None, columns))
        return pictures, graph.add("Div", total, graph.constant(2.0, np.float32))

    def _copy(self, graph: _Nodes, pictures: str, scale: float) -> str:
        """Append all nodes under other names; filters are shared."""

        def renamed(name: str) -> str:
            if not name or name in self._shared:
                return name
            return pictures if name == _PICTURES else f"scale_{scale:g}/{name}"

        for node in self._nodes:
            copied = onnx.NodeProto()
            copied.CopyFrom(node)
            copied.name = f"scale_{scale:g}/{node.name}" if node.name else ""
            copied.input[:] = [renamed(name) for name in node.input]
            copied.output[:] = [renamed(name) for name in node.output]
            graph.nodes.append(copied)
        return renamed(_SCORES)


def _replace_nodes(graph: onnx.GraphProto, nodes: _Nodes) -> None:
    del graph.node[:], graph.value_info[:]  # the latter are of values that have other names now
    graph.node.extend(nodes.nodes)
    graph.initializer.extend(nodes.constants.values())
