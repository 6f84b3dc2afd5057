import errno
import itertools
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.inference.clips import make_clip

from deeplab import whole_files
from deeplab.inference import (
    Engine,
    Job,
    OnnxRuntimeEngine,
    Outcome,
    OutputError,
    Segmenter,
    clear_leftovers,
    segment_files,
)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    """A red picture, a file that is none, and a green picture."""
    for name, colour in (("red", "#f00"), ("green", "#0f0")):
        Image.new("RGB", (9, 6), colour).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return [
        Job(f"{name}.png", tmp_path / f"{name}.png", tmp_path / "out" / name)
        for name in ("red", "broken", "green")
    ]


def test_a_bad_picture_stops_nothing(network_path: Path, jobs: list[Job]) -> None:
    outcomes = list(segment_files(Segmenter.load(network_path), jobs))
    assert [outcome.status for outcome in outcomes] == ["done", "failed", "done"]
    assert [outcome.found[0].name for outcome in outcomes if outcome.found] == ["cat", "person"]
    assert outcomes[0].size == (6, 9)
    assert all(path.is_file() for path in outcomes[2].outputs.values())


def test_a_failure_says_why(network_path: Path, jobs: list[Job]) -> None:
    _, failure, _ = segment_files(Segmenter.load(network_path), jobs)
    assert "not a picture" in failure.reason
    assert failure.outputs == {}


def test_finished_pictures_are_skipped(network_path: Path, jobs: list[Job]) -> None:
    segmenter = Segmenter.load(network_path)
    first = list(segment_files(segmenter, jobs))
    before = {path: path.stat().st_mtime_ns for path in first[0].outputs.values()}
    again = list(segment_files(segmenter, jobs))
    assert [outcome.status for outcome in again] == ["skipped", "failed", "skipped"]
    assert again[0].outputs == first[0].outputs
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_picture_that_lacks_one_result_is_done_again(network_path: Path, jobs: list[Job]) -> None:
    segmenter = Segmenter.load(network_path)
    first, *_ = segment_files(segmenter, jobs)
    first.outputs["overlay"].unlink()
    again = list(segment_files(segmenter, jobs))
    assert [outcome.status for outcome in again] == ["done", "failed", "skipped"]


def test_overwriting_does_finished_pictures_again(network_path: Path, jobs: list[Job]) -> None:
    segmenter = Segmenter.load(network_path)
    first, *_ = segment_files(segmenter, jobs)
    first.outputs["mask"].write_bytes(b"old")
    list(segment_files(segmenter, jobs, overwrite=True))
    with Image.open(first.outputs["mask"]) as mask:
        assert (np.asarray(mask) == 1).all()


def test_results_that_cannot_be_saved_are_reported(network_path: Path, jobs: list[Job]) -> None:
    jobs[0].prefix.parent.write_text("a file where the folder should be")
    outcome, *_ = segment_files(Segmenter.load(network_path), jobs)
    assert outcome.status == "failed"
    assert outcome.reason.startswith("cannot be saved (")


# Several at once


@pytest.fixture
def many_jobs(tmp_path: Path) -> list[Job]:
    """Sixteen pictures of different sizes; the fifth is none."""
    jobs = []
    for number in range(16):
        path = tmp_path / f"{number}.png"
        Image.new("RGB", (9 + number, 6), ("#f00", "#0f0")[number % 2]).save(path)
        jobs.append(Job(path.name, path, tmp_path / "out" / path.stem))
    jobs[4].source.write_bytes(b"no picture")
    return jobs


def _files(jobs: list[Job]) -> dict[str, bytes]:
    folder = jobs[0].prefix.parent
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def test_any_number_of_workers_makes_the_same_files_and_tells_of_them_in_order(
    network_path: Path, many_jobs: list[Job]
) -> None:
    segmenter = Segmenter.load(network_path, threads=1)
    alone = list(segment_files(segmenter, many_jobs))
    files = _files(many_jobs)
    together = list(segment_files(segmenter, many_jobs, overwrite=True, workers=3))
    assert together == alone
    assert [outcome.name for outcome in together] == [job.name for job in many_jobs]
    assert _files(many_jobs) == files
    assert len(files) == 2 * 15


def test_of_what_was_told_nothing_is_kept(network_path: Path, many_jobs: list[Job]) -> None:
    segmenter = Segmenter.load(network_path, threads=1)
    told = [weakref.ref(one) for one in segment_files(segmenter, many_jobs, workers=3)]
    assert [one() for one in told] == [None] * len(many_jobs)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_that_was_asked_to_end_is_finished_by_the_next_one(
    network_path: Path, many_jobs: list[Job], workers: int
) -> None:
    segmenter = Segmenter.load(network_path, threads=1)
    is_asked_for = threading.Event()
    first = []
    for outcome in segment_files(
        segmenter, many_jobs, overwrite=True, workers=workers, stop=is_asked_for.is_set
    ):
        first.append(outcome)
        is_asked_for.set()
    assert 1 <= len(first) <= 3 * workers + 1  # those in hand, not those in the queue
    done = {outcome.name for outcome in first if outcome.status == "done"}
    assert len(_files(many_jobs)) == 2 * len(done)
    second = list(segment_files(segmenter, many_jobs, workers=workers))
    assert {outcome.name for outcome in second if outcome.status == "skipped"} == done
    assert len(_files(many_jobs)) == 2 * 15


def test_closing_the_run_leaves_no_thread_behind(network_path: Path, many_jobs: list[Job]) -> None:
    segmenter = Segmenter.load(network_path, threads=1)
    before = threading.active_count()
    run = segment_files(segmenter, many_jobs, workers=3)
    next(run)
    run.close()
    assert threading.active_count() == before
    assert len(_files(many_jobs)) < 2 * 15
    assert not [name for name in _files(many_jobs) if name.endswith(".tmp")]


class _FailsOn9Columns(Engine):
    """A network with a bug."""

    def __init__(self, engine: Engine) -> None:
        self.card = engine.card
        self._engine = engine

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        if pictures.shape[2] == 9:
            raise IndexError("index 9 is out of bounds")
        return self._engine.class_scores(pictures)


def test_a_bug_costs_the_picture_that_it_shows_on_alone(
    network_path: Path, many_jobs: list[Job], caplog: pytest.LogCaptureFixture
) -> None:
    segmenter = Segmenter(_FailsOn9Columns(OnnxRuntimeEngine(network_path, threads=1)))
    outcomes = list(segment_files(segmenter, many_jobs, workers=2))
    assert [outcome.name for outcome in outcomes if outcome.status == "failed"] == [
        "0.png",
        "4.png",
    ]
    assert outcomes[0].reason == "IndexError: index 9 is out of bounds"
    assert "0.png" in caplog.text
    assert "Traceback" in caplog.text


# What can befall a disk


@pytest.mark.parametrize("workers", [1, 3])
def test_a_full_disk_ends_the_run_once_it_is_reported(
    network_path: Path, many_jobs: list[Job], monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    finish, free = os.replace, itertools.count(-8)

    def full(source: str, target: str) -> None:
        if next(free) >= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finish(source, target)

    segmenter = Segmenter.load(network_path, threads=1)
    told: list[Outcome] = []
    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        told.extend(segment_files(segmenter, many_jobs, workers=workers))
    failed = [one.reason for one in told if one.reason.startswith("cannot be saved")]
    assert 1 <= len(failed) <= workers
    assert set(failed) == {"cannot be saved (No space left on device)"}
    assert len(told) < 12
    assert not [name for name in _files(many_jobs) if name.endswith(".tmp")]
    monkeypatch.setattr(os, "replace", finish)
    statuses = [one.status for one in segment_files(segmenter, many_jobs, workers=workers)]
    assert statuses.count("failed") == 1
    assert len(_files(many_jobs)) == 2 * 15


def test_a_file_that_does_not_fit_is_no_result(network_path: Path, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="the size of files is limited on POSIX")
    noise = np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    job = Job("noise.png", tmp_path / "noise.png", tmp_path / "out" / "noise")
    segmenter = Segmenter.load(network_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # a part is written, as on a disk
    try:
        (outcome,) = segment_files(segmenter, [job], outputs=["overlay"])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert outcome.reason == "cannot be saved (File too large)"
    assert _files([job]) == {}


def test_unfinished_files_of_a_run_that_was_killed_are_removed(tmp_path: Path) -> None:
    old, young, foreign, of_another_run = (
        tmp_path / name
        for name in (
            ".cat.mask.png.0a1b2c3d.tmp",
            ".cat.overlay.jpg.0a1b2c3d.tmp",
            ".mine.txt.tmp",
            ".dog.mask.tif.0a1b2c3d.tmp",
        )
    )
    for path in (old, young, foreign, of_another_run, tmp_path / "cat.mask.png"):
        path.touch()
    for path in (old, foreign, of_another_run):
        os.utime(path, (time.time() - 3600,) * 2)
    jobs = [Job("cat", tmp_path / "cat.jpg", tmp_path / "cat")]
    clear_leftovers([*jobs, Job("dog", tmp_path / "dog.jpg", tmp_path / "not-there" / "dog")])
    assert not old.exists()
    assert young.exists()
    os.utime(young, (time.time() + 60,) * 2)  # clocks of file systems differ
    clear_leftovers(jobs, older_than_s=0)
    left = {foreign.name, of_another_run.name, "cat.mask.png"}
    assert {path.name for path in tmp_path.iterdir()} == left


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot be asked whether a process runs")
def test_what_a_killed_run_was_writing_is_removed_at_once_and_what_a_running_one_writes_never(
    tmp_path: Path,
) -> None:
    program = f"""
import os, signal
from pathlib import Path
from deeplab import whole_files
whole_files.temporary_path(Path({str(tmp_path)!r}, "cat.mask.png")).touch()
whole_files.temporary_path(Path({str(tmp_path)!r}, ".deeplab.json")).touch()
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    assert len(list(tmp_path.iterdir())) == 2
    ours = whole_files.temporary_path(tmp_path / "cat.overlay.jpg")
    ours.touch()
    os.utime(ours, (0, 0))
    jobs = [Job("cat", tmp_path / "cat.jpg", tmp_path / "cat")]
    clear_leftovers(jobs)
    assert list(tmp_path.iterdir()) == [ours]
    clear_leftovers(jobs, older_than_s=0)
    assert not list(tmp_path.iterdir())


# Videos


def test_videos_are_done_beside_pictures_and_given_up_when_the_run_is_stopped(
    network_path: Path, tmp_path: Path
) -> None:
    clip = make_clip(tmp_path / "clip.mp4", num_frames=3)
    photo = tmp_path / "red.png"
    Image.new("RGB", (9, 6), "#f00").save(photo)
    jobs = [Job(path.name, path, tmp_path / "out" / path.stem) for path in (clip, photo)]
    segmenter = Segmenter.load(network_path, threads=1)
    told: list[tuple[str, int, int]] = []

    def run() -> list[Outcome]:
        stopped = segment_files(
            segmenter,
            jobs,
            stop=lambda: bool(told),
            tell_frames=lambda *what: told.append(what),
        )
        return list(stopped)

    assert run() == []
    assert told == [("clip.mp4", 1, 3)]
    assert not list((tmp_path / "out").iterdir())
    done = list(segment_files(segmenter, jobs, workers=2))
    assert [(one.status, one.num_frames) for one in done] == [("done", 3), ("done", None)]
    assert all(path.exists() for one in done for path in one.outputs.values())
    again = list(segment_files(segmenter, jobs))
    assert [one.status for one in again] == ["skipped", "skipped"]
    assert [one.outputs for one in again] == [one.outputs for one in done]


def test_what_is_left_of_a_folder_is_removed_too(tmp_path: Path) -> None:
    left = tmp_path / ".clip.masks.0a1b2c3d.tmp"
    left.mkdir()
    (left / "000001.png").touch()
    clear_leftovers([Job("clip", tmp_path / "clip.mp4", tmp_path / "clip")], older_than_s=0)
    assert not list(tmp_path.iterdir())
