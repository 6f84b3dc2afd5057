import os
import subprocess
import sys
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
    (one,) = found
    assert (one.path.parent, one.name) == (tmp_path, "cat.mask.png")
    assert list(whole_files.unfinished_files(tmp_path)) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot be asked whether a process runs")
def test_files_say_whether_the_process_that_writes_them_still_runs(tmp_path: Path) -> None:
    whole_files.temporary_path(tmp_path / "a").touch()
    program = f"""
import sys
from pathlib import Path
from deeplab import whole_files
whole_files.temporary_path(Path({str(tmp_path)!r}, "b")).touch()
print("written", flush=True)
sys.stdin.read()
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", program], **pipes) as process:
        process.stdout.readline()
        assert owners(tmp_path) == {"a": "ours", "b": "running"}
        process.kill()
    assert owners(tmp_path) == {"a": "ours", "b": "gone"}


def test_of_other_machines_nobody_knows_what_runs_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(whole_files, "_machine", lambda: "abcdef")
        whole_files.temporary_path(tmp_path / "a").touch()
    (tmp_path / ".b.0a1b2c3d.tmp").touch()
    (tmp_path / ".mine.tmp").touch()
    assert owners(tmp_path) == {"a": "unknown", "b": "unknown"}


def owners(folder: Path) -> dict[str, str]:
    return {one.name: one.owner for one in whole_files.unfinished_files(folder)}
