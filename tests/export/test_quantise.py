from collections import Counter

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from tests.export.graphs import chain, conv, graph, photos

from deeplab.export.quantise import quantise


def scores(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"pictures": next(photos())[None]})[0]


@pytest.fixture(scope="module")
def quantised():
    return quantise(chain(4), photos())


def kinds(model):
    return Counter(node.op_type for node in model.graph.node)


def test_scores_stay_nearly_the_same(quantised):
    before, after = scores(chain(4)), scores(quantised)
    assert 0 < np.square(after - before).mean() < 0.03**2 * np.square(before).mean()


def test_runtimes_compute_all_but_the_first_and_the_last_convolution_in_integers(
    quantised, tmp_path
):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    onnxruntime.InferenceSession(quantised.SerializeToString(), options)
    found = kinds(onnx.load(tmp_path / "optimised.onnx"))
    assert found["QLinearConv"] == 2
    assert found["Relu"] == 0  # integers do their work
    assert found["QuantizeLinear"] == found["DequantizeLinear"] == 1


def test_every_output_channel_has_a_scale_of_its_own(quantised):
    stored = {one.name: numpy_helper.to_array(one) for one in quantised.graph.initializer}
    scales = [
        stored[node.input[1]]
        for node in quantised.graph.node
        if node.op_type == "DequantizeLinear" and stored.get(node.input[0], np.ones(0)).ndim == 4
    ]
    assert [scale.shape for scale in scales] == [(8,), (8,)]


def test_filters_in_float32_are_not_stored_beside_those_in_integers(quantised):
    kinds = [one.data_type for one in quantised.graph.initializer if len(one.dims) == 4]
    assert Counter(kinds) == {TensorProto.FLOAT: 2, TensorProto.INT8: 2}


def test_the_largest_of_neighbours_is_taken_of_the_same_integers():
    pool = helper.make_node("MaxPool", ["y1"], ["x2"], kernel_shape=[2, 2])
    layers = [
        conv("x0", "x1"),
        conv("x1", "y1"),
        pool,
        conv("x2", "x3"),
        conv("x3", "class_scores", 3),
    ]
    made = quantise(graph(layers), photos())
    scale = {one.name: numpy_helper.to_array(one) for one in made.graph.initializer}
    for what in ("scale", "zero"):
        assert scale[f"y1/{what}"] == scale[f"x2/{what}"]


def test_the_given_graph_stays_as_it_is():
    model = chain(3)
    before = model.SerializeToString()
    quantise(model, photos())
    assert model.SerializeToString() == before


def test_older_versions_of_onnxruntime_read_the_graph(quantised):
    assert quantised.ir_version <= 10  # 1.18
    assert {one.domain: one.version for one in quantised.opset_import}[""] <= 21
    assert {node.domain for node in quantised.graph.node} == {""}
    assert kinds(quantised)["Conv"] == 4
    onnx.checker.check_model(quantised, full_check=True)


def test_a_network_without_convolutions_between_is_refused():
    with pytest.raises(ValueError, match="no convolutions between its first and its last"):
        quantise(chain(2), photos())
