import json
from pathlib import Path

import pytest

from deeplab.inference import MadeWith, Outcome
from deeplab.inference.made_with import RECORD

ONE = {"scales": [1.0], "crf": None, "simplify": 0}
TWO = {"scales": [0.5, 1.0], "crf": None, "simplify": 0}


def run(folder, settings, done=(), skipped=(), output="mask", suffix=".mask.png"):
    """Play a run in which pictures are done and skipped; gives what it has to say at the end."""
    made_with = MadeWith(folder, lambda: settings)

    def outcomes():
        for name in (*done, *skipped):
            path = folder / f"{name}{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
            yield Outcome(name, "done" if name in done else "skipped", {output: path})

    assert len(list(made_with.watch(outcomes()))) == len(done) + len(skipped)
    return made_with.warning()


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_the_same_settings_say_nothing(out):
    assert run(out, ONE, done=["a", "b"]) is None
    assert run(out, ONE, done=["c"], skipped=["a", "b"]) is None


def test_other_settings_say_which_and_of_how_many(out):
    run(out, ONE, done=["a", "b"])
    told = run(out, TWO, skipped=["a", "b"])
    assert told.startswith(f"2 pictures were skipped, but the results in {out} were made with")
    assert "settings: scales 1 -> 0.5, 1. Add --overwrite" in told
    assert run(out, ONE, skipped=["a", "b"]) is None  # as nothing was made in between


def test_each_part_of_a_setting_is_compared(out):
    run(out, ONE | {"crf": {"iterations": 10, "bilateral": {"weight": 4, "xy": 67.0}}}, done=["a"])
    now = ONE | {"crf": {"iterations": 10, "bilateral": {"weight": 5, "xy": 67.0}}}
    assert "settings: crf bilateral weight 4 -> 5. " in run(out, now, skipped=["a"])
    assert "settings: crf iterations 10, bilateral weight 4, " in run(out, ONE, skipped=["a"])


def test_a_folder_without_a_record_says_nothing(out):
    assert run(out, ONE, skipped=["a"]) is None
    assert not (out / RECORD).exists()


def test_settings_are_not_asked_for_where_there_is_nothing_to_compare(out):
    def fail():
        raise AssertionError

    made_with = MadeWith(out, fail)
    outcome = Outcome("a", "skipped", {"mask": out / "a.mask.png"})
    assert list(made_with.watch(one for one in [outcome])) == [outcome]
    assert made_with.warning() is None


def test_where_runs_with_several_settings_worked_it_is_said_of_a_part(out):
    run(out, ONE, done=["a"])
    run(out, TWO, done=["b"], skipped=["a"])
    for settings, change in ((TWO, "scales 1 -> 0.5, 1"), (ONE, "scales 0.5, 1 -> 1")):
        told = run(out, settings, skipped=["a", "b"])
        assert f"were in part made with other settings: {change}. " in told


@pytest.mark.parametrize("names", [["a", "may/b"], ["a"]])
def test_what_was_overwritten_is_forgotten_once_nothing_of_it_is_left(out, names):
    run(out, ONE, done=["a", "may/b"])
    run(out, TWO, done=names)
    is_told = run(out, TWO, skipped=["a"]) is not None
    assert is_told == (names == ["a"])


def test_what_was_deleted_is_forgotten_too(out):
    run(out, ONE, done=["a"])
    (out / "a.mask.png").unlink()
    run(out, TWO, done=["a"])
    assert run(out, TWO, skipped=["a"]) is None


def test_outputs_are_told_apart(out):
    run(out, ONE, done=["a"])
    run(out, TWO, done=["a"], output="geojson", suffix=".geojson")
    assert run(out, ONE, skipped=["a"]) is None
    assert run(out, TWO, skipped=["a"], output="geojson", suffix=".geojson") is None
    assert run(out, ONE, skipped=["a"], output="geojson", suffix=".geojson") is not None


def test_corners_that_are_left_out_are_of_polygons_alone(out):
    finer = ONE | {"simplify": 2}
    run(out, ONE, done=["a"])
    assert run(out, finer, skipped=["a"]) is None
    run(out, ONE, done=["a"], output="geojson", suffix=".geojson")
    assert "simplify 0 -> 2" in run(out, finer, skipped=["a"], output="geojson", suffix=".geojson")


def test_of_a_run_that_was_stopped_what_it_has_made_is_noted(out):
    made_with = MadeWith(out, lambda: ONE)
    out.mkdir()
    watched = made_with.watch(
        Outcome(name, "done", {"mask": out / f"{name}.mask.png"}) for name in ("a", "b")
    )
    next(watched)
    watched.close()
    assert run(out, TWO, skipped=["a"]) is not None


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"made with": {"mask": [3]}}'])
def test_a_damaged_record_is_told_and_replaced(out, content, caplog):
    out.mkdir()
    (out / RECORD).write_text(content)
    assert run(out, ONE, skipped=["a"]) is None
    assert f"{RECORD} is damaged, and not used" in caplog.text
    run(out, ONE, done=["b"])
    assert json.loads((out / RECORD).read_text())["made with"]["mask"] == [
        {"scales": [1.0], "crf": None}
    ]


def test_a_record_that_cannot_be_written_is_told(tmp_path, caplog):
    Path(tmp_path, RECORD).mkdir()
    assert run(tmp_path, ONE, done=["a"]) is None
    assert "cannot be written" in caplog.text
