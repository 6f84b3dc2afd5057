"""Whole runs of `deeplab segment` in which all goes wrong that can go wrong with files."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.inference.made_with import RECORD

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name == "nt", reason="needs POSIX")]

PHOTO = Path(__file__).parents[2] / "examples" / "cat.jpg"
COMMAND = [sys.executable, "-c", "from deeplab.cli.main import main; main()", "segment"]


def segment(*arguments: object) -> tuple[int, dict[str, dict[str, Any]], str]:
    """Run it; gives exit code, what was told of each picture, and standard error."""
    command = [*COMMAND, *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == len({one["picture"] for one in told})  # none comes twice
    return done.returncode, {Path(one["picture"]).name: one for one in told}, done.stderr


def files_below(folder: Path) -> set[str]:
    """Name all files but the record of what they were made with."""
    return {path.name for path in folder.rglob("*") if path.is_file()} - {RECORD}


def results_of(*stems: str) -> set[str]:
    return {f"{stem}{ending}" for stem in stems for ending in (".mask.png", ".overlay.jpg")}


@pytest.mark.parametrize("crf", [False, True])
def test_whatever_is_wrong_with_pictures_is_reported_and_the_rest_is_done(
    tmp_path: Path, crf: bool
) -> None:
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    good = PHOTO.read_bytes()
    for name in ("a.jpg", "z.jpg"):
        (folder / name).write_bytes(good)
    (folder / "cut-short.jpg").write_bytes(good[: len(good) // 2])
    (folder / "empty.jpg").touch()
    (folder / "vanished.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (folder / "folder.jpg").symlink_to(tmp_path)
    Image.new("RGB", (1, 1), "#f00").save(folder / "one-pixel.png")
    stripes = np.random.default_rng(0).integers(0, 255, (50, 20_000, 3), dtype=np.uint8)
    Image.fromarray(stripes).save(folder / "wide.jpg")
    Image.fromarray(stripes.transpose(1, 0, 2)).save(folder / "high.png")
    Image.new("1", (20_000, 20_000)).save(folder / "bomb.png")  # 400 million pixels in 49 kB
    code, told, err = segment(folder, "--out", out, *(["--crf"] if crf else []))
    failed = {name: one["reason"] for name, one in told.items() if one["status"] == "failed"}
    assert code == 1
    assert failed.keys() == {"bomb.png", "cut-short.jpg", "empty.jpg", "vanished.jpg"}
    assert failed["bomb.png"].startswith("too many pixels")
    assert failed["cut-short.jpg"].startswith("damaged or cut short")
    assert failed["empty.jpg"].startswith("is empty (0 bytes)")
    assert failed["vanished.jpg"] == "no such file"
    assert all(f"/{name}: {reason}" in err for name, reason in failed.items())
    assert files_below(out) == results_of("a", "high", "one-pixel", "wide", "z")
    for name, size in (("wide", (20_000, 50)), ("high", (50, 20_000)), ("one-pixel", (1, 1))):
        with Image.open(out / f"{name}.mask.png") as mask:
            assert mask.size == size


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no `mount` here")
    if done.returncode:
        pytest.skip("this user may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Thirty photos."""
    folder = tmp_path / "photos"
    folder.mkdir()
    with Image.open(PHOTO) as photo:
        small = photo.convert("RGB").resize((200, 150))
    for number in range(30):
        small.rotate(number).save(folder / f"{number:02}.jpg")
    return folder


def test_a_full_disk_ends_the_run_and_the_next_one_goes_on_when_there_is_room(
    small_disk: Path, photos: Path
) -> None:
    out = small_disk / "out"
    code, told, err = segment(photos, "--out", out)
    failed = [one["reason"] for one in told.values() if one["status"] == "failed"]
    done = {name for name, one in told.items() if one["status"] == "done"}
    assert code == 1
    assert set(failed) == {"cannot be saved (No space left on device)"}
    assert 5 < len(done) < len(told) < 30
    assert f"stopped (No space left on device): {30 - len(told)} of 30 are left" in err
    assert not [name for name in files_below(out) if name.endswith(".tmp")]
    for name in files_below(out):
        with Image.open(out / name) as image:
            image.load()  # what is there is whole
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    code, told, _ = segment(photos, "--out", out)
    assert code == 0
    assert {name for name, one in told.items() if one["status"] == "skipped"} == done
    assert files_below(out) == results_of(*(f"{number:02}" for number in range(30)))


def test_a_read_only_disk_is_told_before_any_work(small_disk: Path, photos: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    code, told, err = segment(photos, "--out", small_disk / "out")
    assert (code, told) == (2, {})
    assert err == (
        f"error: {small_disk / 'out'}: nothing can be written in {small_disk} (read-only); give "
        "another folder for the results, or allow writing there\n"
    )


def test_a_run_that_is_killed_is_finished_by_the_next_with_nothing_lost_or_doubled(
    photos: Path, tmp_path: Path
) -> None:
    out, whole = tmp_path / "out", tmp_path / "whole"
    command = [*COMMAND, str(photos), "--out", str(out), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(7):
            process.stdout.readline()
        process.kill()
    finished = {path: path.stat().st_mtime_ns for path in out.glob("[0-9]*")}
    assert 2 * 7 <= len(finished) < 2 * 30
    next(iter(sorted(finished))).unlink()  # as if it had been killed between mask and overlay
    (out / ".29.mask.png.0a1b2c3d.tmp").write_bytes(b"half a mask")
    os.utime(out / ".29.mask.png.0a1b2c3d.tmp", (0, 0))
    code, told, _ = segment(photos, "--out", out)
    assert code == 0
    assert told["00.jpg"]["status"] == "done"
    skipped = {one[:2] for one in told if told[one]["status"] == "skipped"}
    for path, when in finished.items():
        assert path.name[:2] not in skipped or path.stat().st_mtime_ns == when
    assert segment(photos, "--out", whole)[0] == 0
    assert files_below(out) == files_below(whole) == results_of(*(f"{n:02}" for n in range(30)))
    for name in files_below(whole):
        assert (out / name).read_bytes() == (whole / name).read_bytes()
