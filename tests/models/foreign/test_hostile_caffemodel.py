"""Files that are damaged, made to do harm, or something else: each gets a message of its own."""

import gzip
import tracemalloc
import zipfile
from io import BytesIO

import numpy as np
import pytest
from tests.models.foreign.caffemodel_writer import (
    Layer,
    blob,
    layer,
    message,
    number,
    packed,
    varint,
)

from deeplab.models.foreign.caffemodel import read_caffemodel

BIAS = np.arange(5, dtype=np.float32)
GOOD = layer("conv", Layer("Convolution", [BIAS]))


def net(*blobs: bytes, name: bytes = b"conv") -> bytes:
    return message(100, message(1, name) + b"".join(message(7, one) for one in blobs))


def shaped(*sides: int, values: bytes = BIAS.tobytes()) -> bytes:
    return message(7, packed(1, sides)) + message(5, values)


def old(*sides: int) -> bytes:
    shape = b"".join(number(place, side) for place, side in enumerate(sides, 1))
    return message(2, message(4, b"conv") + message(6, shape + message(5, BIAS.tobytes())))


def zipped() -> bytes:
    content = BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        file.writestr("archive/data.pkl", b"x")
    return content.getvalue()


def declared(field: int, size: int) -> bytes:
    """Say that a field is large, and give no bytes for it."""
    return varint(field << 3 | 2) + varint(size)


OTHER_FILES = {
    "empty": (b"", r"is empty \(0 bytes\)"),
    "prototxt": (b'name: "net"\nlayer {\n  name: "conv1"\n}\n', "is text .a prototxt"),
    "comment": (b"# a solver\nbase_lr: 0.001\n", "is text .a prototxt"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n", "git lfs pull"),
    "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
    "zip": (zipped(), "is a zip archive: a torch checkpoint"),
    "pickle": (b"\x80\x02}q\x00.", "is a pickle"),
    "gzip": (gzip.compress(GOOD), "is an archive: unpack it"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(50), r"is HDF5 \(\.caffemodel\.h5\)"),
    "safetensors": (b'\x08\0\0\0\0\0\0\0{"a":{}}', "is JSON or safetensors"),
    "solverstate": (number(1, 20000) + message(2, b"x.caffemodel"), "is it a .solverstate"),
    "untrained": (message(1, b"net") + net(), "1 layers and none of them has weights"),
    "no_layers": (message(1, b"net"), "0 layers and none of them has weights"),
    "version_0": (message(2, message(1, message(1, b"conv"))), "upgrade_net_proto_binary"),
}
HOSTILE = {
    "cut_in_values": (GOOD[:-20], r"a field of \d+ bytes, where \d+ are left: the file is damaged"),
    "cut_in_a_number": (GOOD + b"\xa2", "byte .*: the bytes end in the middle of a number"),
    "endless_number": (b"\xff" * 40, "byte 0: a number of more than 10 bytes"),
    "field_0": (b"\x00\x01", "byte 0: field number 0; allowed are 1 to"),
    "group": (varint(100 << 3 | 3) + GOOD + varint(100 << 3 | 4), "wire type 3; allowed are"),
    "wire_type_7": (b"\x0f", "wire type 7; allowed are"),
    "layer_past_the_end": (declared(100, 2**62), "a field of 4611686018427387904 bytes, where 0"),
    "layer_is_a_number": (number(100, 5), "field 100 is a number, where a message or text"),
    "values_past_the_end": (
        net(message(7, packed(1, [2**30])) + declared(5, 2**32)),
        r"layer 'conv'\): a field of 4294967296 bytes, where 0 are left",
    ),
    "more_shape_than_values": (net(shaped(2**30)), "takes 1073741824 values, but the file has 5"),
    "overflowing_shape": (net(shaped(2**31 - 1, 2**31 - 1, 4)), "but the file has 5 for it"),
    "wrapping_shape": (net(shaped(2**31, 2**31, 5, 4)), "allowed are sides of 1 to 2147483647"),
    "negative_side": (net(shaped(-5, -1)), r"shape \[-5, -1\]; allowed are sides of 1 to"),
    "negative_old_side": (old(1, 1, -1, 5), r"shape \[1, 1, -1, 5\]; allowed are sides"),
    "old_side_is_missing": (old(1, 1, 5), r"shape \[1, 1, 5, 0\]; allowed are sides of 1 to"),
    "side_0": (net(shaped(0, values=b"")), r"shape \[0\]; allowed are sides of 1 to"),
    "no_values": (net(message(7, packed(1, [5]))), "takes 5 values, but the file has 0"),
    "too_many_axes": (net(shaped(*[1] * 33)), "more than 32 numbers in one list"),
    "axes_one_by_one": (
        net(message(7, number(1, 1) * 33) + message(5, BIAS[:1].tobytes())),
        "more than 32 axes",
    ),
    "shapes_on_shapes": (
        net(message(7, packed(1, [1] * 20)) * 2 + message(5, BIAS[:1].tobytes())),
        "more than 32 axes",
    ),
    "broken_values": (
        net(shaped(5, values=BIAS.tobytes()[:-1])),
        "19 bytes of numbers that take 4",
    ),
    "values_are_a_number": (net(number(5, 7)), "field 5 is a number, where a message or text or 4"),
    "shape_is_a_number": (
        net(number(7, 5)),
        "field 7 is a number, where a message or text belongs",
    ),
    "nan": (net(blob(np.array([0, np.nan, 1]))), r"value 1 of a blob is nan; allowed are finite"),
    "infinite": (net(blob(np.array([0, 1, -np.inf]))), "value 2 of a blob is -inf"),
    "too_large_double": (
        net(message(7, packed(1, [1])) + message(8, np.array([1e300]).tobytes())),
        "value 0 of a blob is inf",
    ),
    "no_name": (net(shaped(5), name=b""), "a layer with weights, but without a name"),
    "name_is_no_text": (net(shaped(5), name=b"\xff\xfe"), "a name that is not UTF-8 text"),
    "long_name": (net(shaped(5), name=b"x" * 2000), "a name of 2000 bytes; allowed are 1000"),
    "name_is_a_number": (message(100, number(1, 5)), "field 1 is a number, where"),
    "two_of_one_name": (
        GOOD + net(shaped(5, values=(BIAS + 1).tobytes())),
        r"layer 'conv'\): a second layer of this name, with other weights",
    ),
    "two_kinds_of_layers": (
        GOOD + layer("other", Layer("Convolution", [BIAS]), version=1),
        "layers of the old kind .* and of the new one",
    ),
    "too_many_layers": (message(100, b"") * 20_001, "more than 20000 layers"),
    "too_many_blobs": (net(*[shaped(5)] * 65), "more than 64 blobs in one layer"),
    "too_many_pieces": (net((message(5, b"") + number(9, 1)) * 1001), "in more than 1000 pieces"),
    "too_many_fields": (GOOD + number(3, 1) * 100_001, "more than 100000 fields"),
    "negative_pad": (
        message(100, message(1, b"conv") + message(106, number(3, -1))),
        "setting -1; allowed are 0 to",
    ),
    "nested_in_itself": (
        message(100, message(100, message(100, message(100, b"\x08")))),
        "none of them has weights",
    ),
}


@pytest.mark.parametrize("kind", OTHER_FILES)
def test_another_kind_of_file_is_called_by_its_name(tmp_path, kind):
    content, said = OTHER_FILES[kind]
    path = tmp_path / f"{kind}.caffemodel"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=said) as caught:
        read_caffemodel(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_file_gives_a_message_and_takes_no_memory(tmp_path, kind):
    content, said = HOSTILE[kind]
    path = tmp_path / f"{kind}.caffemodel"
    path.write_bytes(content)
    del content
    tracemalloc.start()  # numpy's arrays are counted too
    try:
        with pytest.raises(ValueError, match=said) as caught:
            read_caffemodel(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert peak < 2_000_000


def test_memory_taken_is_that_of_the_weights(tmp_path):
    values = np.ones(2_000_000, np.float32)
    path = tmp_path / "large.caffemodel"
    path.write_bytes(net(blob(values), blob(values)))
    tracemalloc.start()
    try:
        read_caffemodel(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 16_000_000 < peak < 17_000_000


def test_every_beginning_of_a_file_is_refused_or_read_to_a_layers_end(tmp_path):
    path = tmp_path / "cut.caffemodel"
    ends = {len(GOOD), 2 * len(GOOD)}
    second = layer("more", Layer("Convolution", [BIAS]))
    for length in range(1, len(GOOD + second)):
        path.write_bytes((GOOD + second)[:length])
        if length in ends:
            assert read_caffemodel(path)
        else:
            with pytest.raises(ValueError, match=r"cut\.caffemodel"):
                read_caffemodel(path)


def test_bytes_at_random_are_refused_in_words(tmp_path):
    random = np.random.default_rng(0)
    path = tmp_path / "noise.caffemodel"
    for _ in range(300):
        content = bytearray(GOOD * 2)
        for place in random.integers(len(content), size=3):
            content[place] = random.integers(256)
        path.write_bytes(content)
        message = ""
        try:
            read_caffemodel(path)
        except ValueError as error:
            message = str(error)
        assert not message or str(path) in message
