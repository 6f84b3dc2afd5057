import csv
import json

import numpy as np
import pytest

from deeplab.data import Sample
from deeplab.evaluation import (
    PictureResult,
    estimate_intervals,
    evaluation_to_csv,
    evaluation_to_json,
)
from deeplab.evaluation.tally import Tally

NAMES = ("background", "cat")


def evaluated(tmp_path, measures):
    tally = Tally(NAMES, measures)
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 2, (2, 9, 9), dtype=np.uint8)
    confidence = random.uniform(0.5, 1, truth.shape).astype(np.float32)
    sample = Sample("one", tmp_path / "a.jpg", tmp_path / "a.png")
    tally.add(sample, tally.count(PictureResult("it", truth, predicted, confidence)))
    return tally.read()


def test_json_holds_the_scores_and_what_was_measured_beside_them(tmp_path):
    evaluation = evaluated(tmp_path, ("boundary", "calibration"))
    document = json.loads(evaluation_to_json(evaluation, {"weights": "mine"}))
    plain = json.loads(evaluation.scores.to_json({"weights": "mine"}))
    assert {key: document[key] for key in plain if key != "aliases"} == {
        key: value for key, value in plain.items() if key != "aliases"
    }
    assert document["mean_boundary_iou"] == evaluation.boundary.mean_iou
    assert document["class_boundary_iou"]["cat"] == evaluation.boundary.class_iou[1]
    assert document["calibration"]["expected_error"] == evaluation.calibration.expected_error
    assert document["aliases"]["ECE"] == evaluation.calibration.expected_error


def test_csv_goes_on_with_a_row_for_each_value(tmp_path):
    evaluation = evaluated(tmp_path, ("boundary", "calibration"))
    text = evaluation_to_csv(evaluation)
    assert text.startswith(evaluation.scores.to_csv())
    rows = {(row["metric"], row["class"]): row["value"] for row in csv.DictReader(text.split("\n"))}
    assert float(rows["mean_boundary_iou", ""]) == evaluation.boundary.mean_iou
    assert float(rows["boundary_iou", "cat"]) == evaluation.boundary.class_iou[1]
    assert float(rows["brier", ""]) == pytest.approx(evaluation.calibration.brier)


def test_intervals_are_written_beside_the_scores_they_are_of(tmp_path):
    evaluation = evaluated(tmp_path, ())
    intervals = estimate_intervals(evaluation, num_draws=50)
    document = json.loads(evaluation_to_json(evaluation, {}, intervals))
    assert document["interval"]["level"] == 0.95
    assert document["interval"]["mean_iou"] == list(intervals.mean_iou)
    assert document["interval"]["class_iou"]["cat"] == list(intervals.class_iou[1])
    rows = list(csv.DictReader(evaluation_to_csv(evaluation, intervals).splitlines()))
    (low,) = [row["value"] for row in rows if row["metric"] == "mean_iou_low"]
    assert float(low) == intervals.mean_iou.low
    assert sum(row["metric"] == "iou_high" for row in rows) == 2


def test_what_was_not_measured_is_not_written(tmp_path):
    evaluation = evaluated(tmp_path, ())
    assert evaluation_to_csv(evaluation) == evaluation.scores.to_csv()
    document = json.loads(evaluation_to_json(evaluation, {}))
    assert document == json.loads(evaluation.scores.to_json({}))
