from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from deeplab.export.quantise import quantise

NUM_CLASSES = 3


def chain(num_convolutions):
    """Convolutions of 8 channels one behind the other, ReLU between them; 3 classes at the end."""
    random = np.random.default_rng(0)
    nodes = [
        helper.make_node("Cast", ["pictures"], ["floats"], name="cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["x0"], name="planes", perm=[0, 3, 1, 2]),
    ]
    filters = []
    for number in range(num_convolutions):
        is_last = number == num_convolutions - 1
        shape = (NUM_CLASSES if is_last else 8, 8 if number else 3, 3, 3)
        values = random.normal(0, 0.2, shape) / (1 if number else 100)
        filters.append(numpy_helper.from_array(values.astype(np.float32), f"w{number}"))
        scored = "class_scores" if is_last else f"y{number}"
        inputs = [f"x{number}", f"w{number}"]
        nodes.append(helper.make_node("Conv", inputs, [scored], f"conv{number}", pads=[1] * 4))
        if not is_last:
            nodes.append(helper.make_node("Relu", [scored], [f"x{number + 1}"], f"relu{number}"))
    graph = helper.make_graph(
        nodes,
        "chain",
        [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["n", "h", "w", 3])],
        [helper.make_tensor_value_info("class_scores", TensorProto.FLOAT, ["n", 3, "h", "w"])],
        filters,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def photos():
    random = np.random.default_rng(1)
    return iter([random.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(3)])


@pytest.fixture(scope="module")
def quantised():
    return quantise(chain(4), photos())


def test_all_but_the_first_and_the_last_convolution_are_quantised(quantised):
    stored = {one.name: one for one in quantised.graph.initializer}
    widened = {node.output[0]: node for node in quantised.graph.node}
    types = []
    for node in quantised.graph.node:
        if node.op_type == "Conv":
            name = node.input[1]
            filters = stored[name if name in stored else widened[name].input[0]]
            types.append(filters.data_type)
    integers, floats = TensorProto.INT8, TensorProto.FLOAT
    assert types == [floats, integers, integers, floats]


def test_every_output_channel_has_a_scale_of_its_own_and_filters_have_7_bits(quantised):
    stored = {one.name: numpy_helper.to_array(one) for one in quantised.graph.initializer}
    scales = [
        stored[node.input[1]]
        for node in quantised.graph.node
        if node.op_type == "DequantizeLinear" and stored.get(node.input[0], np.ones(0)).ndim == 4
    ]
    assert [scale.shape for scale in scales] == [(8,), (8,)]
    filters = [one for one in stored.values() if one.ndim == 4 and one.dtype == np.int8]
    assert all(32 < np.abs(one.astype(int)).max() <= 64 for one in filters)


def test_the_given_graph_stays_as_it_is():
    model = chain(3)
    before = model.SerializeToString()
    quantise(model, photos())
    assert model.SerializeToString() == before


def test_older_versions_of_onnxruntime_read_the_graph(quantised):
    assert quantised.ir_version <= 10  # 1.18
    assert {one.domain: one.version for one in quantised.opset_import}[""] <= 21
    assert {node.domain for node in quantised.graph.node} == {""}
    assert Counter(node.op_type for node in quantised.graph.node)["Conv"] == 4
    onnx.checker.check_model(quantised, full_check=True)


def test_a_network_without_convolutions_between_is_refused():
    with pytest.raises(ValueError, match="no convolutions between its first and its last"):
        quantise(chain(2), photos())
