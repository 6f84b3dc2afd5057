from pathlib import Path

import pytest

from deeplab.runs.scorers import short_names


@pytest.mark.parametrize(
    ("weights", "names"),
    [
        (["voc12-lite"], ["voc12-lite"]),
        (["runs/a/best.onnx"], ["best.onnx"]),
        (["voc12-lite", "runs/a/best.onnx"], ["voc12-lite", "best.onnx"]),
        (["runs/a/best.onnx", "runs/b/best.onnx"], ["a/best.onnx", "b/best.onnx"]),
        (["best.onnx", "a/best.onnx"], ["best.onnx", "a/best.onnx"]),
    ],
)
def test_weights_are_named_by_as_much_of_their_path_as_tells_them_apart(weights, names):
    assert [Path(name) for name in short_names(weights)] == [Path(name) for name in names]
