"""Class scores from filters of 1x1 pixels and a sum of shifted maps, where they had larger filters.

A filter of K x K pixels is K * K filters of one pixel each, whose outputs are shifted and added.
Applied so, it is the same in float32; but all its products are those of a 1x1 convolution, which
runtimes compute in integers twice as fast as in float32, and the class scores are sums in float32
still. Few filters of many pixels, as in ASPP, gain nothing from integers otherwise: they are slower
in onnxruntime than in float32.

Shapes: C channels in, M filters, T = K * K pixels of each.
"""

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from deeplab.export.integer_plan import last_convolutions


def spread_last_filters(graph: onnx.GraphProto) -> None:
    """Spread the filters of the convolutions that give class scores, where that makes less data.

    Args:
        graph: Takes `pictures`, gives `class_scores`; its constants are folded.
    """
    stored = {one.name: one for one in graph.initializer}
    last = last_convolutions(graph)
    nodes = []
    for node in graph.node:
        if node.output[0] in last and node.input[1] in stored:
            filters = numpy_helper.to_array(stored[node.input[1]])
            if _is_worth_it(node, filters):
                nodes.append(_spread(graph, node, filters))
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def _is_worth_it(node: onnx.NodeProto, filters: NDArray[np.float32]) -> bool:
    """Say whether filters have several pixels, and their outputs fewer channels than the inputs."""
    groups = next((one.i for one in node.attribute if one.name == "group"), 1)
    num_filters, num_channels, *size = filters.shape
    num_pixels = int(np.prod(size))
    return groups == 1 and num_pixels > 1 and num_filters * num_pixels <= num_channels


def _spread(
    graph: onnx.GraphProto, node: onnx.NodeProto, filters: NDArray[np.float32]
) -> onnx.NodeProto:
    """Let a convolution add what filters of 1x1 pixels give; return the convolution of these."""
    num_filters, num_channels, *size = filters.shape
    pixels_MCT = filters.reshape(num_filters, num_channels, -1)
    num_pixels = pixels_MCT.shape[2]
    single = np.swapaxes(pixels_MCT, 1, 2).reshape(-1, num_channels, *[1] * len(size))
    # Of the outputs of pixel t, that which lies where the filter had pixel t.
    adding = np.broadcast_to(np.eye(num_pixels, dtype=np.float32), (num_filters, *[num_pixels] * 2))
    adding = adding.reshape(num_filters, num_pixels, *size)
    output = f"{node.output[0]}/pixels"
    for name, values in ((f"{output}/stored", single), (f"{output}/shifts", adding)):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
    found = helper.make_node("Conv", [node.input[0], f"{output}/stored"], [output], output)
    node.input[0], node.input[1] = output, f"{output}/shifts"
    kept = [one for one in node.attribute if one.name != "group"]
    del node.attribute[:]
    node.attribute.extend([*kept, helper.make_attribute("group", num_filters)])
    return found
