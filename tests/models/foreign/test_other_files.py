import pytest

from deeplab.models.foreign.other_files import what_else


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "web page"),
        (b"\x1f\x8b\x08", "unpack it"),
    ],
)
def test_files_that_hold_no_weights_are_told_by_how_they_begin(start, words):
    assert words in (what_else(start) or "")


def test_files_of_torch_are_nothing_else():
    assert what_else(b"PK\x03\x04") is None
    assert what_else(b"\x80\x02") is None
