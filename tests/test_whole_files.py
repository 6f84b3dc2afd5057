from pathlib import Path
from typing import Any, BinaryIO

import pytest

from deeplab import whole_files


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "result"
    path.write_bytes(b"old")

    def fail_midway(file: Any) -> None:
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        whole_files.write_atomically(path, fail_midway)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual, path = tmp_path / "usual", tmp_path / "ours"
    usual.touch()
    whole_files.write_atomically(path, lambda file: file.write(b"x"))
    assert path.stat().st_mode == usual.stat().st_mode


def test_files_that_were_not_finished_are_found_with_the_names_they_were_to_have(
    tmp_path: Path,
) -> None:
    found = []

    def write(file: BinaryIO) -> None:
        found.extend(whole_files.unfinished_files(tmp_path))

    whole_files.write_atomically(tmp_path / "cat.mask.png", write)
    ((path, name),) = found
    assert (path.parent, name) == (tmp_path, "cat.mask.png")
    assert list(whole_files.unfinished_files(tmp_path)) == []
