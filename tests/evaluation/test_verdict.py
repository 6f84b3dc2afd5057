import csv
import dataclasses
import json

import pytest
from tests.evaluation.counted import NAMES, make_evaluation

from deeplab.evaluation import (
    Interval,
    compare,
    comparison_to_csv,
    comparison_to_json,
    describe_verdict,
    differences_to_csv,
    largest_changes,
)

WORSE = make_evaluation([0.3, 0.4, 0.5, 0.4, 0.6])
BETTER = make_evaluation([0.8, 0.8, 0.9, 0.8, 0.5])
COMPARISON = compare(WORSE, BETTER, num_draws=200)


def test_a_difference_beyond_noise_names_the_better_one_whichever_comes_first():
    sure = dataclasses.replace(COMPARISON, interval=Interval(0.1, 0.3), p_value=0.01)
    points = f"{100 * sure.difference:.2f} points"
    assert describe_verdict(sure, "old", "new").startswith(f"new is better than old by {points}")
    turned = dataclasses.replace(
        sure, first=sure.second, second=sure.first, interval=Interval(-0.3, -0.1)
    )
    assert describe_verdict(turned, "new", "old").startswith(f"new is better than old by {points}")
    assert "95 % interval -30.00 to -10.00, p = 0.01" in describe_verdict(turned, "new", "old")


def test_a_difference_that_may_be_noise_is_called_so():
    unsure = dataclasses.replace(COMPARISON, interval=Interval(-0.1, 0.3))
    assert "do not tell which is better" in describe_verdict(unsure, "old", "new")
    same = compare(WORSE, WORSE, num_draws=20)
    assert describe_verdict(same, "a", "b").startswith("a and b have the same mean IoU")


def test_classes_are_listed_by_how_much_they_changed_and_only_those_that_did():
    gained, lost = largest_changes(COMPARISON.classes, count=2)
    differences = sorted((one.difference for one in COMPARISON.classes), reverse=True)
    assert [one.difference for one in gained] == [value for value in differences[:2] if value > 0]
    assert not lost
    assert largest_changes(compare(BETTER, WORSE, num_draws=9).classes, count=9)[1]


def test_json_holds_both_evaluations_and_how_they_differ():
    both = {"old": WORSE, "new": BETTER}
    document = json.loads(comparison_to_json(COMPARISON, both, {"split": "val"}))
    assert document["about"] == {"split": "val"}
    assert document["first"]["mean_iou"] == WORSE.scores.mean_iou
    assert document["second"]["class_iou"]["cat"] == BETTER.scores.class_iou[1]
    difference = document["comparison"]
    assert difference["difference"] == COMPARISON.difference
    assert difference["interval"] == list(COMPARISON.interval)
    assert difference["class_interval"]["never"] is None
    assert difference["verdict"] == describe_verdict(COMPARISON, "old", "new")


def test_csv_has_the_mean_and_every_class_with_the_ends_of_the_interval():
    mean, *classes = csv.DictReader(comparison_to_csv(COMPARISON).splitlines())
    assert (mean["metric"], mean["class"]) == ("mean_iou", "")
    assert float(mean["difference"]) == pytest.approx(COMPARISON.difference)
    assert float(mean["low"]) == COMPARISON.interval.low
    assert [row["class"] for row in classes] == list(NAMES)
    assert float(classes[1]["second"]) == BETTER.scores.class_iou[1]
    assert classes[3]["low"] == ""


def test_pictures_are_written_in_the_order_given():
    rows = list(csv.DictReader(differences_to_csv(COMPARISON.pictures).splitlines()))
    assert [row["picture"] for row in rows] == ["p0", "p1", "p2", "p3", "p4"]
    assert float(rows[4]["difference"]) == COMPARISON.pictures[4].difference < 0
