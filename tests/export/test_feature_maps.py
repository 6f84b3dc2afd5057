import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from tests.export.graphs import chain, photos

from deeplab.export.feature_maps import observe


@pytest.fixture(scope="module")
def whole():
    """The feature maps x1 and y1 of three pictures, whole: (3, C, h, w) each."""
    model = chain(3)
    for name in ("x1", "y1"):
        model.graph.output.append(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None))
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = [session.run(["x1", "y1"], {"pictures": photo[None]}) for photo in photos()]
    return {name: np.concatenate(maps) for name, *maps in zip(("x1", "y1"), *found, strict=True)}


def test_limits_and_means_are_those_of_all_pictures(whole):
    for name, seen in observe(chain(3), ["x1", "y1"], photos()).items():
        np.testing.assert_allclose(seen.least, whole[name].min(), rtol=1e-5)
        np.testing.assert_allclose(seen.largest, whole[name].max(), rtol=1e-5)
        np.testing.assert_allclose(seen.mean_C, whole[name].mean(axis=(0, 2, 3)), rtol=1e-4)


def test_values_are_some_of_all_channels_and_pictures(whole):
    (seen,) = observe(chain(3), ["y1"], photos()).values()
    assert (
        np.isin(seen.values_S.round(3), whole["y1"].round(3)).mean() > 0.99
    )  # sums differ in order
    for picture in range(3):
        for channel in range(8):
            some = whole["y1"][picture, channel].round(3)
            assert np.isin(some, seen.values_S.round(3)).any()


def test_what_is_kept_of_a_large_picture_is_bounded():
    picture = np.zeros((300, 400, 3), np.uint8)
    (seen,) = observe(chain(3), ["x1"], iter([picture])).values()
    assert seen.values_S.size == 4096
