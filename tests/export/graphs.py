"""Small graphs of network files to quantise, and pictures for them."""

from collections import defaultdict

import numpy as np
from onnx import TensorProto, helper, numpy_helper

NUM_CLASSES = 3


def chain(num_convolutions):
    """Convolutions of 8 channels one behind the other, ReLU between them; 3 classes at the end."""
    layers = []
    for number in range(num_convolutions):
        last = number == num_convolutions - 1
        layers.append(conv(f"x{number}", f"y{number}", NUM_CLASSES if last else 8))
        if not last:
            layers.append(helper.make_node("Relu", [f"y{number}"], [f"x{number + 1}"]))
    layers[-1].output[0] = "class_scores"
    return graph(layers)


def conv(source, output, num_filters=8, *, size=3, groups=1):
    """A convolution of as many channels as its source has, its filters drawn at random."""
    return helper.make_node(
        "Conv",
        [source],
        [output],
        output,
        pads=[size // 2] * 4,
        group=groups,
        doc_string=f"{num_filters} {size}",
    )


def graph(layers):
    """Preprocessing that gives x0 (pixels / 100), and the layers behind it."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Div", ["planes", "hundred"], ["x0"]),
    ]
    stored = [numpy_helper.from_array(np.array(100, np.float32), "hundred")]
    sizes = defaultdict(lambda: 8, x0=3)
    for node in layers:
        if node.op_type == "Conv":
            num_filters, size = map(int, node.doc_string.split())
            groups = next(one.i for one in node.attribute if one.name == "group")
            channels = sizes[node.input[0]]
            shape = (num_filters, channels // groups, size, size)
            values = random.normal(0, 0.2, shape).astype(np.float32)
            stored.append(numpy_helper.from_array(values, f"{node.name}/w"))
            node.input.append(f"{node.name}/w")
            sizes[node.output[0]] = num_filters
        nodes.append(node)
    made = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("class_scores", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        stored,
    )
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def photos(count=3):
    random = np.random.default_rng(1)
    return iter([random.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(count)])
