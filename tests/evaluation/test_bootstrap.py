import dataclasses

import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_evaluation

from deeplab.evaluation import ConfusionMatrix, Interval, estimate_intervals
from deeplab.evaluation.bootstrap import draw_iou, weigh
from deeplab.evaluation.pictures import stack_sums

SKILLS = [0.1, 0.2, 0.5, 0.6, 0.9, 1.0]


def slow_draws(evaluation, num_draws, seed):
    """Mean and class IoU of draws, each from a confusion matrix of the pictures drawn."""
    random, number = np.random.default_rng(seed), len(evaluation.pictures)
    drawn = []
    for _ in range(num_draws):
        matrix = ConfusionMatrix(evaluation.scores.class_names)
        for picture, times in zip(
            evaluation.pictures, random.multinomial(number, [1 / number] * number), strict=True
        ):
            for _ in range(times):
                matrix.add_scores(picture)
        drawn.append(matrix.scores(convention=evaluation.scores.convention))
    return drawn


@pytest.mark.parametrize("convention", ["devkit", "present"])
def test_the_interval_is_the_middle_of_scores_of_pictures_drawn_with_replacement(convention):
    evaluation = make_evaluation(SKILLS, convention=convention)
    found = estimate_intervals(evaluation, num_draws=200, level=0.9, seed=3)
    drawn = slow_draws(evaluation, 200, 3)
    ends = [0.05, 0.95]
    expected = np.quantile([one.mean_iou for one in drawn], ends)
    assert found.mean_iou == pytest.approx(tuple(expected), rel=1e-12)
    for label in range(3):
        expected = np.quantile([one.class_iou[label] for one in drawn], ends)
        assert found.class_iou[label] == pytest.approx(tuple(expected), rel=1e-12)


def test_a_class_that_is_nowhere_has_no_interval():
    assert estimate_intervals(make_evaluation(SKILLS), num_draws=20).class_iou[3] is None


def test_the_score_itself_lies_within_and_more_is_held_by_a_wider_interval():
    evaluation = make_evaluation(SKILLS)
    narrow, wide = (
        estimate_intervals(evaluation, num_draws=500, level=level).mean_iou for level in (0.5, 0.95)
    )
    assert wide.low < narrow.low < evaluation.scores.mean_iou < narrow.high < wide.high


def test_the_same_seed_gives_the_same_intervals_and_another_one_others():
    evaluation = make_evaluation(SKILLS)
    first, again, other = (
        estimate_intervals(evaluation, num_draws=50, seed=seed) for seed in (0, 0, 1)
    )
    assert first == again != other


def test_pictures_that_are_all_alike_leave_nothing_open():
    evaluation = make_evaluation([0.6])
    alike = dataclasses.replace(evaluation, pictures=evaluation.pictures * 5)
    low, high = estimate_intervals(alike, num_draws=50).mean_iou
    assert low == high == pytest.approx(evaluation.scores.mean_iou, rel=1e-12)


def test_a_class_that_a_draw_lacks_is_left_out_of_its_mean():
    perfect = make_evaluation([1.0, 1.0])
    rare = dataclasses.replace(perfect.pictures[1], cells=np.array([15]), pixels=np.array([9]))
    matrix = ConfusionMatrix(NAMES)
    pictures = (perfect.pictures[0], rare)  # only the second has class 3, and only class 3
    for picture in pictures:
        matrix.add_scores(picture)
    evaluation = dataclasses.replace(perfect, scores=matrix.scores(), pictures=pictures)
    assert estimate_intervals(evaluation, num_draws=50).mean_iou == Interval(1, 1)


def test_sums_of_many_pixels_are_exact():
    sums = np.array([[[2**50 + 1]], [[2**50]]])
    assert weigh(np.array([[2, 1]]), sums)[0, 0, 0] == 3 * 2**50 + 2


def test_draws_do_not_depend_on_how_many_are_made_at_a_time(monkeypatch):
    sums = stack_sums(make_evaluation(SKILLS).pictures)
    whole = draw_iou(sums, 30, 0)
    monkeypatch.setattr("deeplab.evaluation.bootstrap._WEIGHTS_AT_A_TIME", 42)
    np.testing.assert_array_equal(draw_iou(sums, 30, 0), whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"num_draws": 0}, "0 draws"), ({"level": 1.0}, "level 1"), ({"level": 95}, "level 95")],
)
def test_settings_that_make_no_interval_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        estimate_intervals(make_evaluation(SKILLS), **settings)


def test_without_pictures_there_is_nothing_to_draw():
    evaluation = dataclasses.replace(make_evaluation(SKILLS), pictures=())
    with pytest.raises(ValueError, match="no pictures to draw from"):
        estimate_intervals(evaluation)
