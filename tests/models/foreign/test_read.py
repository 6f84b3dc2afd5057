import torch
from safetensors.torch import save_file

from deeplab.models.foreign.caffemodel import read_caffemodel
from deeplab.models.foreign.read import read_tensors


def caffemodel():
    """Write one layer "a" of the new kind, with one blob of two values, by hand."""

    def message(number, content):
        key = number << 3 | 2
        start = bytes([key]) if key < 128 else bytes([key & 127 | 128, key >> 7])
        return start + bytes([len(content)]) + content

    blob = message(7, message(1, b"\x02")) + message(5, torch.ones(2).numpy().tobytes())
    return message(1, b"net") + message(100, message(1, b"a") + message(7, blob))


def test_a_caffemodel_is_told_by_its_name_and_by_its_first_bytes(tmp_path):
    for name in ("theirs.caffemodel", "theirs.bin"):
        path = tmp_path / name
        path.write_bytes(caffemodel())
        tensors, header = read_tensors(path)
        assert header == {}
        assert torch.equal(tensors["a/0"], torch.ones(2))
        assert tensors.keys() == read_caffemodel(path).keys()


def test_the_header_of_safetensors_comes_with_the_tensors(tmp_path):
    path = tmp_path / "theirs.pth"  # told by its content, however it is named
    save_file({"a": torch.ones(2)}, path, {"format": "pt"})
    tensors, header = read_tensors(path)
    assert header == {"format": "pt"}
    assert torch.equal(tensors["a"], torch.ones(2))


def test_safetensors_are_told_whatever_the_length_of_their_header_looks_like(tmp_path):
    """Its lowest byte, which the file begins with, can be that of a pickle, 128."""
    path, first_bytes = tmp_path / "ours.safetensors", set()
    for length in range(0, 256, 2):
        save_file({"a": torch.ones(2)}, path, {"model": "x" * length})
        first_bytes.add(path.read_bytes()[0])
        assert read_tensors(path)[1] == {"model": "x" * length}
    assert 128 in first_bytes
