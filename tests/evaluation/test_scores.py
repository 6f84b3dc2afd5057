import csv
import io
import json

import numpy as np
import pytest

from deeplab.evaluation import ALIASES, ConfusionMatrix, Scores
from deeplab.labels import VOID

NAMES = ("background", "cat", "dog")


def random_scores(seed=0, convention="devkit"):
    rng = np.random.default_rng(seed)
    matrix = ConfusionMatrix(NAMES)
    truth, predicted = rng.integers(0, 3, (2, 20, 30), dtype=np.uint8)
    truth[rng.random(truth.shape) < 0.1] = VOID
    matrix.add(truth, predicted, picture_name="picture")
    return matrix.scores(convention=convention)


def test_json_holds_every_score_its_aliases_and_what_was_evaluated():
    scores = random_scores(6)
    document = json.loads(scores.to_json({"split": "val"}))
    assert document["about"] == {"split": "val"}
    assert document["class_iou"]["dog"] == scores.class_iou[2]
    assert document["aliases"]["mIoU"] == document["mean_iou"] == scores.mean_iou
    assert document["aliases"]["fwIoU"] == scores.frequency_weighted_iou
    assert document["aliases"]["aAcc"] == scores.pixel_accuracy
    assert document["aliases"]["mAcc"] == scores.mean_accuracy
    assert document["confusion"] == [list(row) for row in scores.confusion]


def test_csv_holds_one_value_a_row():
    scores = random_scores(7)
    rows = list(csv.DictReader(io.StringIO(scores.to_csv())))
    values = {(row["metric"], row["class"]): float(row["value"]) for row in rows}
    assert len(values) == 6 + 4 * 3
    assert values["mean_iou", ""] == scores.mean_iou
    assert values["iou", "cat"] == scores.class_iou[1]
    assert values["accuracy", "dog"] == scores.class_accuracy[2]


def test_scores_cannot_be_changed():
    scores: Scores = random_scores()
    with pytest.raises(AttributeError):
        scores.mean_iou = 1.0


def test_every_alias_holds_the_number_it_is_another_name_of():
    document = json.loads(random_scores(8, "present").to_json({}))
    assert document["convention"] == "present"
    assert document["aliases"] == {alias: document[ours] for alias, ours in ALIASES.items()}
    assert document["aliases"]["mDice"] == document["mean_dice"]
    assert document["aliases"]["average row correct"] == document["class_accuracy"]
