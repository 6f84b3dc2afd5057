import pytest

from deeplab.data import json_files as check


def write(tmp_path, text):
    path = tmp_path / "a.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": [1, 2', "cut short"),
        ('{"a": "text', "cut short"),
        ("hello", "not JSON"),
        ("", "not JSON"),
        ('{"a": NaN}', "holds NaN"),
        ('{"a": -Infinity}', "holds -Infinity"),
        ("[" * 100_000, "nested too deeply"),
        (b"\xff\xfe\x00", "not UTF-8"),
        ('{"a": ' + "9" * 5000 + "}", "integer"),
    ],
)
def test_what_is_not_json_is_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ValueError, match=message) as caught:
        check.read_json(path)
    assert str(path) in str(caught.value)


def test_a_byte_order_mark_is_no_error(tmp_path):
    assert check.read_json(write(tmp_path, b'\xef\xbb\xbf{"a": 1}')) == {"a": 1}


def test_objects_are_shrunk_while_they_are_parsed(tmp_path):
    path = write(tmp_path, '[{"a": 1, "b": 2}]')
    assert check.read_json(path, shrink=lambda value: value["b"]) == [2]


@pytest.mark.parametrize("value", [1e999, float("nan"), True, None, "x", [], 1e10])
def test_numbers_are_finite_and_not_huge(value):
    with pytest.raises(ValueError, match="here"):
        check.number(value, "here")


def test_texts_of_numbers_count_as_numbers():
    assert check.number("2.5", "here") == 2.5
    assert check.whole("3", "here", least=0) == 3


def test_whole_numbers_have_bounds():
    for value in (2.5, -1, 11):
        with pytest.raises(ValueError, match="here"):
            check.whole(value, "here", least=0, most=10)


def test_a_picture_of_absurd_size_is_refused():
    with pytest.raises(ValueError, match="at most"):
        check.size(100_000, 100_000, "here")
    with pytest.raises(ValueError, match="height"):
        check.size(0, 5, "here")


def test_points_are_pairs_of_numbers():
    assert check.points([[1, 2.5]], "here").tolist() == [[1, 2.5]]
    for value in ([[1]], [1, 2], [[1, "x"]], {"x": 1}):
        with pytest.raises(ValueError, match="here"):
            check.points(value, "here")


def test_a_missing_key_is_named_with_those_that_are_there():
    with pytest.raises(ValueError, match="'images' is missing \\(there are a, b\\)"):
        check.field({"a": 1, "b": 2}, "images", "here")


def test_lists_of_whole_numbers_are_taken_whole_or_not_at_all():
    assert check.whole_numbers([0, 7, 10**9], "here").tolist() == [0, 7, 10**9]
    assert check.whole_numbers(["3", 4.0], "here").tolist() == [3, 4]
    assert check.whole_numbers([], "here").shape == (0,)
    for value in ([1, -1], [1, 2.5], [1, 2**70], [True], [None], 5):
        with pytest.raises(ValueError, match="here"):
            check.whole_numbers(value, "here")
