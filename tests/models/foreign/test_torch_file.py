import collections
import io
import pickle
import warnings
import zipfile

import pytest
import torch

from deeplab.models.foreign.read import read_tensors

TENSORS = {"conv1.weight": torch.arange(6.0).reshape(2, 3), "bn1.bias": torch.ones(2)}


class WantsCode:
    def __reduce__(self):
        return print, ("this must never run",)


def old_format(content):
    file = io.BytesIO()
    torch.save(content, file, _use_new_zipfile_serialization=False)
    return file.getvalue()


def packed():
    """Give torch's own archive, deflated: 40 MB of zeros in a few kB."""
    plain, small = io.BytesIO(), io.BytesIO()
    torch.save({"a": torch.zeros(10_000_000)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(small, "w") as target:
        for member in source.infolist():
            target.writestr(member.filename, source.read(member), zipfile.ZIP_DEFLATED)
    return small.getvalue()


def overstated():
    """Give an archive whose directory says that a tensor of 8 bytes has 2 GB."""
    file = io.BytesIO()
    torch.save({"a": torch.zeros(2)}, file)
    content = bytearray(file.getvalue())
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [member.filename for member in archive.infolist()]
    place = content.rindex(next(name for name in names if name.endswith("data/0")).encode()) - 22
    content[place : place + 4] = (2**31 - 1).to_bytes(4, "little")
    return bytes(content)


def saved_bytes(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def archive_of(**files):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def huge_storage():
    """Give an old file that declares a storage of 2 ** 50 values."""
    content = old_format({"a": torch.zeros(7)})
    place = content.index(b"K\x07", content.index(b"FloatStorage"))
    return content[:place] + b"\x8a\x07" + (2**50).to_bytes(7, "little") + content[place + 2 :]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html><body>Too many requests", "web page"),
        (b"Not Found", "no file of weights that we know"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "no file of weights that we know"),
        (saved_bytes(TENSORS)[:300], "damaged"),
        (old_format(TENSORS)[:-20], "damaged"),
        (b"\x80\x02", "damaged"),
        (b"\x80\x02}q\x00.", "damaged"),
        (saved_bytes(WantsCode()), r"wants to run code \(print\).*state_dict"),
        (old_format(WantsCode()), r"wants to run code \(print\)"),
        (pickle.dumps(WantsCode(), 2), "damaged|wants to run code"),
        (saved_bytes(torch.nn.Linear(2, 2)), r"run code \(torch\.nn\.modules\.linear\.Linear\)"),
        (packed(), "unpacks to more than it holds"),
        (overstated(), "unpacks to more than it holds|damaged"),
        (huge_storage(), "damaged"),
        (archive_of(readme="hello"), "not torch's: unpack it first"),
        (
            archive_of(**{"a__data.pkl": "x", "a__constants.pkl": "x"}),
            "TorchScript",
        ),
        (archive_of(**{"a__data.pkl": "not a pickle"}), "damaged"),
        (saved_bytes({}), "holds no tensors"),
        (saved_bytes([torch.zeros(1)]), "holds a list, not a state dict"),
        (saved_bytes(TENSORS | {"epoch": 3}), "holds a int under 'epoch'"),
        (saved_bytes({"state_dict": {"a": {"b": torch.zeros(1)}}}), "holds a dict under 'a'"),
        (saved_bytes({0: torch.zeros(1)}), "holds a Tensor under 0"),
        (saved_bytes({"a": torch.eye(3).to_sparse()}), "'a' is sparse"),
        (saved_bytes({"a": torch.zeros(1).expand(10**6, 10**6)}), "fewer values stored"),
        (saved_bytes({"a": torch.zeros(3, device="meta")}), "'a' is on the device meta"),
    ],
)
def test_files_that_are_no_state_dict_are_refused(tmp_path, capsys, content, words):
    path = tmp_path / "hostile.pth"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_tensors(path)
    assert str(error.value).startswith(str(path))
    assert capsys.readouterr().out == ""


def test_quantised_tensors_are_refused(tmp_path):
    path = tmp_path / "hostile.pth"
    with warnings.catch_warnings():  # torch is about to drop them
        warnings.simplefilter("ignore")
        quantised = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)
        torch.save({"a": quantised}, path)
    with pytest.raises(ValueError, match=r"'a' is quantised"):
        read_tensors(path)


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".bin", ".tar", ""])
@pytest.mark.parametrize("is_old", [True, False])
def test_state_dicts_are_told_by_their_content_old_and_new(tmp_path, suffix, is_old):
    path = tmp_path / f"theirs{suffix}"
    path.write_bytes(old_format(TENSORS) if is_old else saved_bytes(TENSORS))
    tensors, header = read_tensors(path)
    assert header == {}
    assert tensors.keys() == TENSORS.keys()
    assert all(torch.equal(tensors[name], value) for name, value in TENSORS.items())


@pytest.mark.parametrize(
    "wrap",
    [
        collections.OrderedDict,
        lambda tensors: {"state_dict": tensors, "optimizer": {"lr": 1.0}, "epoch": 3},
        lambda tensors: {"model": {f"module.{name}": value for name, value in tensors.items()}},
        lambda tensors: {"state_dict": {f"model.{n}": v for n, v in tensors.items()}},
        lambda tensors: {name: torch.nn.Parameter(value) for name, value in tensors.items()},
    ],
)
def test_state_dicts_are_found_in_what_trainings_save(tmp_path, wrap):
    torch.save(wrap(TENSORS), tmp_path / "theirs.pth")
    tensors, _ = read_tensors(tmp_path / "theirs.pth")
    assert tensors.keys() == TENSORS.keys()
    assert not any(value.requires_grad for value in tensors.values())
