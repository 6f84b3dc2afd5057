import re

import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_evaluation

from deeplab.evaluation import compare, describe_verdict
from deeplab.labels import named

report = pytest.importorskip(
    "deeplab.evaluation.comparison_report", reason="drawing needs the plots extra"
)

SKILLS = [0.3, 0.4, 0.5, 0.4, 0.6]
LINES = ("photo", "truth", "a: found", "a: wrong", "b: found", "b: wrong")


def written(tmp_path, second_skills, measures=("trimap", "boundary", "calibration"), asked=None):
    both = {
        "a": make_evaluation(SKILLS, measures=measures),
        "b": make_evaluation(second_skills, measures=measures),
    }
    comparison = compare(*both.values(), num_draws=100)

    def close_up(picture):
        if asked is not None:
            asked.append(picture.name)
        return [(np.full((6, 8, 3), 50, np.uint8), line) for line in LINES]

    path = tmp_path / "new" / "report.html"
    report.write_comparison(
        path,
        comparison,
        both,
        title="a and b",
        about={"split": "val"},
        label_set=named(NAMES),
        close_up=close_up,
    )
    return path.read_text().replace("\N{NO-BREAK SPACE}", " "), comparison, both


def test_the_page_says_which_is_better_and_shows_both(tmp_path):
    text, comparison, both = written(tmp_path, [0.8, 0.8, 0.9, 0.8, 0.2])
    assert describe_verdict(comparison, "a", "b") in text
    for evaluation in both.values():
        assert f"{100 * evaluation.scores.mean_iou:.2f} %" in text
        assert f"{100 * evaluation.boundary.mean_iou:.2f} %" in text
    for one in comparison.classes:
        assert f"{100 * one.difference:+.2f}" in text
    assert len(re.findall("<svg", text)) == 2  # trimap, calibration


def test_pictures_that_gained_most_come_before_those_that_lost_most(tmp_path):
    asked = []
    _, comparison, _ = written(tmp_path, [0.8, 0.8, 0.9, 0.8, 0.2], asked=asked)
    assert asked == [one.name for one in (*comparison.better, *comparison.worse)]
    assert asked[-1] == "p4"


def test_what_was_found_by_either_stands_above_what_is_wrong_with_it(tmp_path):
    text, _, _ = written(tmp_path, [0.8, *SKILLS[1:]])
    assert re.findall(r'alt="p0: ([^"]+)"', text) == [
        *("photo", "a: found", "b: found", "truth", "a: wrong", "b: wrong")
    ]


def test_two_that_are_the_same_have_no_pictures_to_show(tmp_path):
    text, _, _ = written(tmp_path, SKILLS, measures=())
    assert "<img" not in text
    assert "<svg" not in text
    assert "the same mean IoU" in text
