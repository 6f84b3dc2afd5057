import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from tests.export.graphs import conv, graph, photos

from deeplab.export.integer_plan import plan_integers
from deeplab.export.quantise import quantise
from deeplab.export.spread_filters import spread_last_filters


def wide(num_filters, **shape):
    """Preprocessing, 8 channels, 32 of these, and few large filters that give class scores."""
    last = conv("x2", "y2", num_filters, **shape)
    last.output[0] = "class_scores"
    return graph([conv("x0", "x1"), conv("x1", "x2", 32, size=1), last])


def spread(model):
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    spread_last_filters(changed.graph)
    return changed


def scores(model):
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"pictures": next(photos())[None]})[0]


def convolutions(model):
    return sum(node.op_type == "Conv" for node in model.graph.node)


@pytest.mark.parametrize(("size", "rate", "stride"), [(3, 1, 1), (3, 4, 1), (3, 2, 2), (2, 1, 1)])
def test_class_scores_are_the_same(size, rate, stride):
    model = wide(3, size=size)
    last = model.graph.node[-1]
    del last.attribute[:]
    settings = {"pads": [rate] * 4, "dilations": [rate] * 2, "strides": [stride] * 2}
    last.attribute.extend(helper.make_attribute(*one) for one in settings.items())
    changed = spread(model)
    assert convolutions(changed) == convolutions(model) + 1
    np.testing.assert_allclose(scores(changed), scores(model), rtol=1e-4, atol=1e-4)


def test_a_bias_is_added_once():
    model = wide(3)
    bias = onnx.numpy_helper.from_array(np.array([100, 200, 300], np.float32), "bias")
    model.graph.initializer.append(bias)
    model.graph.node[-1].input.append("bias")
    np.testing.assert_allclose(scores(spread(model)), scores(model), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("num_filters", "size"), [(3, 1), (4, 3)])
def test_filters_of_one_pixel_and_ones_that_would_make_more_data_stay(num_filters, size):
    model = wide(num_filters, size=size)  # 4 * 9 maps are more than 32
    assert spread(model) == model


def test_products_are_of_integers_then_and_sums_in_float32():
    model = wide(3)
    assert "class_scores/pixels" in plan_integers(spread(model).graph).convolutions
    before, after = scores(model), scores(quantise(model, photos()))
    assert 0 < np.square(after - before).mean() < 0.05**2 * np.square(before).mean()
