import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.inference import Job, Outcome, Segmenter, find_jobs, segment_files

OUT = Path("out")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of (empty) files with pictures in sub-folders; it is the current folder."""
    for name in (
        "photos/cat.jpg",
        "photos/DOG.PNG",
        "photos/notes.txt",
        "photos/.hidden.jpg",
        "photos/cat.mask.png",
        "photos/cat.overlay.jpg",
        "photos/cat.cutout.png",
        "photos/film.mpg",
        "photos/may/cat.jpg",
        "photos/.cache/thumb.jpg",
        "same/cat.jpg",
        "same/cat.png",
        "odd[1].jpg",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _find(*inputs: str) -> tuple[dict[str, str], list[Outcome]]:
    jobs, failures = find_jobs(inputs, OUT, standard_input=io.BytesIO())
    return {job.name: job.prefix.as_posix() for job in jobs}, failures


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        (["photos/cat.jpg"], {"photos/cat.jpg": "out/cat"}),
        (["photos/notes.txt"], {"photos/notes.txt": "out/notes"}),  # named on purpose
        (["photos/cat.mask.png"], {"photos/cat.mask.png": "out/cat.mask"}),  # likewise
        (
            ["photos"],
            {
                "photos/DOG.PNG": "out/DOG",
                "photos/cat.jpg": "out/cat",
                "photos/may/cat.jpg": "out/may/cat",
            },
        ),
        (["photos/*.jpg"], {"photos/cat.jpg": "out/cat"}),
        (
            ["photos/**/*.jpg"],
            {"photos/cat.jpg": "out/cat", "photos/may/cat.jpg": "out/may/cat"},
        ),
        (["photos/m*"], {"photos/may/cat.jpg": "out/may/cat"}),
        (["*/may/*.jpg"], {"photos/may/cat.jpg": "out/photos/may/cat"}),
        (["odd[1].jpg"], {"odd[1].jpg": "out/odd[1]"}),
        (["photos/cat.jpg", "./photos/cat.jpg"], {"photos/cat.jpg": "out/cat"}),
        (["-"], {"-": "out/stdin"}),
        (
            ["same"],
            {"same/cat.jpg": "out/cat.jpg", "same/cat.png": "out/cat.png"},
        ),
    ],
)
def test_inputs_lead_to_pictures_and_names_for_their_results(
    inputs: list[str], expected: dict[str, str]
) -> None:
    assert _find(*inputs) == (expected, [])


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nowhere.jpg", "no such file"),
        ("photos/*.gif", "no file matches this pattern"),
        ("empty", "no pictures in this folder"),
    ],
)
def test_an_input_without_pictures_is_reported_and_the_others_are_found(
    text: str, reason: str
) -> None:
    found, (failure,) = _find(text, "photos/cat.jpg")
    assert found == {"photos/cat.jpg": "out/cat"}
    assert (failure.name, failure.status) == (text, "failed")
    assert failure.reason.startswith(reason)


@pytest.mark.usefixtures("photos")
def test_results_that_would_overwrite_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match=r"photos/cat.jpg and same/cat.jpg: the results of both"):
        _find("photos/cat.jpg", "same/cat.jpg")


@pytest.mark.usefixtures("photos")
def test_names_that_differ_in_case_alone_are_told_apart() -> None:
    Path("same/Cat.webp").touch()
    assert sorted(_find("same")[0].values()) == ["out/Cat.webp", "out/cat.jpg", "out/cat.png"]


def test_standard_input_is_what_the_job_reads() -> None:
    stream = io.BytesIO(b"pixels")
    ((job,), _) = find_jobs(["-"], OUT, standard_input=stream)
    assert job.source is stream


# Segmenting


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
