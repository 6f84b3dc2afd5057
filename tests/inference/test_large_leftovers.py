import os
import time

import numpy as np
import pytest

from deeplab.inference import Job, Spool, clear_old_spools
from deeplab.inference.large_spool import spool_folder

DAY_S = 86_400


@pytest.fixture
def keep(tmp_path):
    """Leave what is kept of a picture whose results go into `out`."""

    def make(name, days):
        folder = spool_folder(tmp_path / "out" / name)
        Spool(folder).keep("scores-0", {"scores": np.zeros(250_000, np.float32)})
        when = time.time() - days * DAY_S
        os.utime(folder, (when, when))
        return folder

    return make


def jobs(tmp_path, *names):
    return [Job(name, tmp_path / name, tmp_path / "out" / name) for name in names]


def test_what_is_young_is_left_alone_and_not_spoken_of(tmp_path, keep, caplog):
    folder = keep("a", 0.9)
    clear_old_spools(jobs(tmp_path, "b"), [])
    assert folder.is_dir()
    assert not caplog.records


def test_what_is_older_is_kept_and_a_warning_names_it(tmp_path, keep, caplog):
    folders = [keep(name, days) for name, days in zip("acdefg", (29.9, 2, 3, 4, 5, 6), strict=True)]
    clear_old_spools(jobs(tmp_path, "b"), [])
    assert all(folder.is_dir() for folder in folders)
    (record,) = caplog.records
    message = record.getMessage()
    assert f"{folders[0]} (1 MB, 30 days old), {folders[1]} (1 MB, 2 days old)" in message
    assert "and 3 more; the same commands go on with them" in message


def test_what_is_very_old_is_removed_with_a_warning(tmp_path, keep, caplog):
    folder, other = keep("a", 30.1), keep("c", 0)
    clear_old_spools(jobs(tmp_path, "b"), [])
    assert not folder.exists()
    assert other.is_dir()
    (record,) = caplog.records
    assert f"removed {folder} (1 MB, 30 days old)" in record.getMessage()


def test_what_this_run_goes_on_with_is_never_removed(tmp_path, keep, caplog):
    folder = keep("a", 1000)
    clear_old_spools(jobs(tmp_path, "a", "b"), jobs(tmp_path, "a"))
    assert folder.is_dir()
    assert not caplog.records
    clear_old_spools(jobs(tmp_path, "a", "b"), [])  # now it is done as a whole
    assert not folder.exists()


def test_folders_of_others_are_left_alone(tmp_path, keep, caplog):
    folder = keep("a", 1000)
    (folder / "novel.txt").write_text("Call me Ishmael.")
    os.utime(folder, (0, 0))
    (tmp_path / "out" / ".b.unfinished").write_text("a file")
    clear_old_spools(jobs(tmp_path, "b"), [])
    assert folder.is_dir()
    assert (tmp_path / "out" / ".b.unfinished").is_file()
    assert not caplog.records


def test_folders_that_are_not_there_yet_are_no_matter(tmp_path):
    clear_old_spools(jobs(tmp_path, "a"), [])
    assert not (tmp_path / "out").exists()
