from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.foreign.caffemodel_writer import (
    Layer,
    blob,
    layer,
    message,
    number,
    packed,
    varint,
    write_caffemodel,
)

from deeplab.models.foreign.caffemodel import read_caffemodel

RANDOM = np.random.default_rng(0)
FILTERS = RANDOM.standard_normal((5, 3, 2, 2)).astype(np.float32)
BIAS = RANDOM.standard_normal(5).astype(np.float32)
NET = {
    "conv": Layer("Convolution", [FILTERS, BIAS], {"pad": 6, "dilation": 6}),
    "relu": Layer("ReLU"),
    "pool5a": Layer("Pooling", settings={"pool": 1}),
    "inception/1x1": Layer("InnerProduct", [FILTERS[0, 0]]),
}


def named(path: Path, *blobs: bytes, name: str = "conv", after: bytes = b"") -> Path:
    """Write a net of one layer out of encoded blobs."""
    content = message(1, name.encode()) + b"".join(message(7, one) for one in blobs)
    path.write_bytes(message(1, b"net") + message(100, content) + after)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.caffemodel"


def test_blobs_come_back_bit_by_bit_under_layer_and_number(path):
    read = read_caffemodel(write_caffemodel(path, NET))
    assert read["conv/0"].dtype == torch.float32
    np.testing.assert_array_equal(read["conv/0"].numpy(), FILTERS)
    np.testing.assert_array_equal(read["conv/1"].numpy(), BIAS)
    np.testing.assert_array_equal(read["inception/1x1/0"].numpy(), FILTERS[0, 0])


def test_settings_that_weights_do_not_show_are_told(path):
    read = read_caffemodel(write_caffemodel(path, NET))
    told = {name: value.tolist() for name, value in read.items() if not name[-1].isdigit()}
    assert told == {"conv/pad": [6], "conv/dilation": [6], "pool5a/pool": [1], "net/version": [2]}


def test_files_of_2014_say_the_same_with_four_axes_throughout(path):
    new = read_caffemodel(write_caffemodel(path, NET))
    old = read_caffemodel(write_caffemodel(path, NET, version=1))
    assert list(old) == list(new)
    assert old.pop("net/version").tolist() == [1]
    assert all(
        torch.equal(value.reshape(new[name].shape), new[name]) for name, value in old.items()
    )
    assert old["conv/1"].shape == (1, 1, 1, 5)


def test_values_one_by_one_are_those_that_are_packed(path):
    one_by_one = b"".join(varint(5 << 3 | 5) + value.tobytes() for value in BIAS)
    shape = message(7, b"".join(number(1, side) for side in (5,)))  # not packed either
    read = read_caffemodel(named(path, shape + one_by_one, blob(BIAS)))
    assert torch.equal(read["conv/0"], read["conv/1"])


def test_many_values_one_by_one_are_read_in_blocks(path):
    values = np.arange(200_000, dtype="<f4")
    rows = np.empty((len(values), 5), np.uint8)
    rows[:, 0] = 5 << 3 | 5
    rows[:, 1:] = values.view(np.uint8).reshape(-1, 4)
    read = read_caffemodel(named(path, message(7, packed(1, [200_000])) + rows.tobytes()))
    np.testing.assert_array_equal(read["conv/0"].numpy(), values)


def test_values_in_pieces_follow_each_other(path):
    pieces = message(5, BIAS[:2].tobytes()) + varint(5 << 3 | 5) + BIAS[2:3].tobytes()
    pieces += message(5, BIAS[3:].tobytes())
    read = read_caffemodel(named(path, message(7, packed(1, [5])) + pieces))
    np.testing.assert_array_equal(read["conv/0"].numpy(), BIAS)


def test_double_values_are_rounded_to_float32(path):
    values = RANDOM.standard_normal(5)
    read = read_caffemodel(named(path, message(7, packed(1, [5])) + message(8, values.tobytes())))
    np.testing.assert_array_equal(read["conv/0"].numpy(), values.astype(np.float32))


def test_a_blob_without_shape_is_one_number(path):
    read = read_caffemodel(named(path, message(5, BIAS[:1].tobytes())))
    assert read["conv/0"].shape == ()
    assert read["conv/0"].item() == BIAS[0]


def test_fields_nobody_knows_are_passed_over(path):
    unknown = number(900, 2**64 - 1) + message(901, b"?" * 300)
    unknown += varint(902 << 3 | 1) + b"8 bytes." + varint(903 << 3 | 5) + b"four"
    read = read_caffemodel(named(path, unknown + blob(BIAS) + unknown, after=unknown))
    np.testing.assert_array_equal(read["conv/0"].numpy(), BIAS)


def test_a_name_that_comes_twice_with_the_same_weights_is_read_once(path):
    twice = layer("conv", Layer("Convolution", [BIAS]))
    path.write_bytes(twice + twice)
    assert list(read_caffemodel(path)) == ["conv/0", "net/version"]


def test_values_are_copied_so_that_the_file_may_change(path):
    read = read_caffemodel(named(path, blob(BIAS)))
    path.unlink()
    read["conv/0"] += 1
    np.testing.assert_array_equal(read["conv/0"].numpy(), BIAS + 1)
