import shutil

from deeplab.inference import differences, hash_weights
from deeplab.weights import resolve_network


def test_what_is_the_same_has_no_differences():
    assert differences({"a": [1, 2], "b": {"c": None}}, {"b": {"c": None}, "a": (1, 2)}) == []


def test_what_is_missing_on_one_side_is_none_there():
    told = [str(one) for one in differences({"a": 1}, {"b": {"c": 2}})]
    assert told == ["b is None there and {'c': 2} now", "a is 1 there and None now"]


def test_of_nested_settings_each_part_is_told():
    kept, ours = {"crf": {"xy": 67.0, "rgb": 3.0}}, {"crf": {"xy": 67.0, "rgb": 4.0}}
    assert [one.as_change() for one in differences(kept, ours)] == ["crf rgb 3 -> 4"]


def test_long_values_are_cut():
    (one,) = differences({"a": "x" * 100}, {"a": True})
    assert one.as_change() == f"a {'x' * 57}... -> yes"


def test_weights_are_known_by_their_content_whatever_they_are_called(tmp_path):
    copy = shutil.copy(resolve_network("voc12-lite"), tmp_path / "mine.onnx")
    assert hash_weights("voc12-lite") == hash_weights(copy)
    with open(copy, "ab") as file:
        file.write(b"more")
    assert hash_weights("voc12-lite") != hash_weights(copy)
