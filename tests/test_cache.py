import sys
from pathlib import Path

import pytest

from deeplab.cache import cache_dir, fetched_dir, imported_dir


def test_the_folder_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPLAB_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    assert {fetched_dir().parent, imported_dir().parent} == {tmp_path}


def test_else_it_is_where_the_system_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "deeplab"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other folders")
@pytest.mark.parametrize("value", ["", "relative"])
def test_what_is_no_folder_does_not_count(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEEPLAB_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_dir() == Path("/home/someone/.cache/deeplab")
