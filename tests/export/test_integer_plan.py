from onnx import helper
from tests.export.graphs import chain, conv, graph

from deeplab.export.integer_plan import plan_integers


def plan(layers):
    return plan_integers(graph(layers).graph)


def test_what_takes_pixels_and_what_gives_class_scores_stays_in_float32():
    found = plan_integers(chain(5).graph)
    assert found.convolutions == {"y1", "y2", "y3"}
    assert found.maps == {"x1", "x2", "x3", "x4"}
    assert found.limits == {"x2", "x3", "x4"}


def test_of_several_branches_that_give_class_scores_none_is_in_integers():
    branches = [conv("x2", "a", 3), conv("x2", "b", 3)]
    scores = helper.make_node("Add", ["a", "b"], ["class_scores"])
    found = plan([conv("x0", "x1"), conv("x1", "x2"), *branches, scores])
    assert found.convolutions == {"x2"}
    assert found.sums == frozenset()


def test_a_depthwise_convolution_right_behind_the_first_one_stays_in_float32():
    layers = [conv("x0", "x1"), conv("x1", "x2", groups=8), conv("x2", "x3", size=1)]
    layers += [conv("x3", "x4", groups=8), conv("x4", "class_scores", 3)]
    assert plan(layers).convolutions == {"x3", "x4"}


def test_sums_and_pools_are_in_integers_where_what_they_take_is():
    first = helper.make_node("MaxPool", ["x1"], ["x2"], kernel_shape=[2, 2])
    added = helper.make_node("Add", ["y2", "x2"], ["y3"])
    relu = helper.make_node("Relu", ["y3"], ["x3"])
    pool = helper.make_node("MaxPool", ["x3"], ["x4"], kernel_shape=[2, 2])
    layers = [conv("x0", "x1"), first, conv("x2", "y2"), added, relu, pool]
    found = plan([*layers, conv("x4", "class_scores", 3)])
    assert found.pools == ("x4",)  # of the first convolution's outputs, which are no integers, none
    assert found.sums == {"y3"}
    assert found.maps == {"x2", "y2", "x3", "x4"}
    assert found.outputs["y3"] == "x3"


def test_feature_maps_that_several_nodes_take_are_not_limited_before():
    relu = helper.make_node("Relu", ["y1"], ["x1"])
    both = [conv("x1", "y2"), helper.make_node("Relu", ["y2"], ["x2"])]
    layers = [conv("x0", "y1"), relu, *both, helper.make_node("Add", ["x2", "y2"], ["x3"])]
    found = plan([*layers, conv("x3", "class_scores", 3)])
    assert found.outputs["y2"] == "y2"
    assert found.maps >= {"x1", "y2"}
