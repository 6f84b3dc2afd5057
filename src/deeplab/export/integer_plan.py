"""Which parts of a network's graph are computed in integers of 8 bits.

Convolutions, sums of two feature maps, and the largest of neighbours. The first convolutions, whose
inputs are pixels, and the last ones, whose outputs are class scores, stay in float32: they are a
few per cent of the work and most of the harm. Where the last ones had large filters, these are sums
by then, see `spread_filters.py`.
"""

from collections import defaultdict
from dataclasses import dataclass

import onnx

_PICTURES, _SCORES = "pictures", "class_scores"

_LIMITS = ("Relu", "Clip")
"""What limits a convolution's outputs; integers do it by their range."""


@dataclass(frozen=True)
class IntegerPlan:
    """What is computed in integers. Nodes are known by the name of their output.

    Attributes:
        convolutions: Those with filters of 8 bits.
        pools: Those that take the largest of neighbours, in the order of computation.
        sums: Sums of two feature maps.
        inputs: The first input of each of these.
        outputs: What each gives, behind its limits.
        limits: The nodes that limit them.
        maps: All feature maps of 8 bits.
    """

    convolutions: frozenset[str]
    pools: tuple[str, ...]
    sums: frozenset[str]
    inputs: dict[str, str]
    outputs: dict[str, str]
    limits: frozenset[str]
    maps: frozenset[str]


def plan_integers(graph: onnx.GraphProto) -> IntegerPlan:
    """Choose what is computed in integers.

    Args:
        graph: Takes `pictures`, gives `class_scores`; its constants are folded.
    """
    users = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            users[name].append(node)
    stored = {one.name for one in graph.initializer}
    kept = _first_convolutions(graph) | last_convolutions(graph)
    inputs, outputs, limits = {}, {}, set()
    maps: set[str] = set()
    chosen: dict[str, list[str]] = {"Conv": [], "MaxPool": [], "Add": []}
    for node in graph.node:  # in the order of computation
        name = node.output[0]
        if node.op_type == "Conv":
            is_chosen = name not in kept and stored.issuperset(node.input[1:])
        elif node.op_type == "MaxPool":
            is_chosen = len(node.output) == 1 and maps.issuperset(node.input)
        else:
            is_chosen = node.op_type == "Add" and maps.issuperset(node.input)
        if not is_chosen:
            continue
        chosen[node.op_type].append(name)
        inputs[name] = node.input[0]
        outputs[name] = name
        if len(users[name]) == 1 and users[name][0].op_type in _LIMITS:
            outputs[name] = users[name][0].output[0]
            limits.add(outputs[name])
        maps |= {node.input[0], outputs[name]}
    return IntegerPlan(
        frozenset(chosen["Conv"]),
        tuple(chosen["MaxPool"]),
        frozenset(chosen["Add"]),
        inputs,
        outputs,
        frozenset(limits),
        frozenset(maps),
    )


def _first_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Name the convolutions that take pixels, and depthwise ones that follow them.

    Of pixels' features nothing is left out yet, and as filters of single channels are little work,
    integers would make them no faster.
    """
    shapes = {one.name: one.dims for one in graph.initializer}
    names: set[str] = set()
    pixels: set[str] = {_PICTURES}
    features: set[str] = set()
    for node in graph.node:  # in the order of computation
        if node.op_type != "Conv":
            for reached in (pixels, features):
                if reached.intersection(node.input):
                    reached.update(node.output)
            continue
        is_depthwise = shapes.get(node.input[1], (0, 0))[1] == 1
        if node.input[0] in pixels or (node.input[0] in features and is_depthwise):
            names.add(node.output[0])
        if node.input[0] in pixels:
            features.update(node.output)
    return names


def last_convolutions(graph: onnx.GraphProto) -> set[str]:
    """Name the convolutions that give class scores."""
    names, wanted = set(), {_SCORES}
    for node in reversed(graph.node):
        if not wanted.intersection(node.output):
            continue
        if node.op_type == "Conv":
            names.add(node.output[0])
        else:
            wanted.update(node.input)
    return names
