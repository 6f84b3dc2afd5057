import io
import os
from pathlib import Path

import pytest

from deeplab.inference import Outcome, check_out_dir, find_jobs

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
        "photos/cat.cutouts/person.png",
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


@pytest.mark.usefixtures("photos")
def test_a_folder_that_is_not_there_yet_is_fine_and_not_made_by_checking() -> None:
    check_out_dir(Path("new/deep"))
    assert not Path("new").exists()


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize("name", ["photos/notes.txt", "photos/notes.txt/below"])
def test_a_file_where_results_shall_go_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"notes.txt is a file; give a folder for the results"):
        check_out_dir(Path(name))


@pytest.mark.usefixtures("photos")
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_that_nobody_may_write_in_is_refused() -> None:
    Path("locked").mkdir(mode=0o500)
    with pytest.raises(ValueError, match=r"nothing can be written in .*locked \(read-only\)"):
        check_out_dir(Path("locked/new"))
