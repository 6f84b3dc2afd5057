import dataclasses
from itertools import product

import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_evaluation

from deeplab.evaluation import ConfusionMatrix, compare

FIRST = [0.1, 0.2, 0.5, 0.6, 0.9, 0.3]
SECOND = [0.3, 0.2, 0.4, 0.9, 0.9, 0.5]
EVEN = [0.6] * 12


def mean_iou(pictures, convention="devkit"):
    matrix = ConfusionMatrix(NAMES)
    for picture in pictures:
        matrix.add_scores(picture)
    return matrix.scores(convention=convention).mean_iou


@pytest.mark.parametrize("convention", ["devkit", "present"])
def test_the_interval_is_of_the_difference_over_the_same_draws_for_both(convention):
    first, second = (make_evaluation(one, convention=convention) for one in (FIRST, SECOND))
    found = compare(first, second, num_draws=100, level=0.9, seed=2)
    random, differences = np.random.default_rng(2), []
    for _ in range(100):
        drawn = np.repeat(np.arange(6), random.multinomial(6, [1 / 6] * 6))
        scores = [
            mean_iou([one.pictures[index] for index in drawn], convention)
            for one in (first, second)
        ]
        differences.append(scores[1] - scores[0])
    expected = np.quantile(differences, [0.05, 0.95])
    assert found.interval == pytest.approx(tuple(expected), abs=1e-12)
    assert found.difference == second.scores.mean_iou - first.scores.mean_iou


def test_the_p_value_is_the_share_of_swaps_that_differ_as_much():
    first, second = make_evaluation(FIRST), make_evaluation(SECOND)
    observed = abs(second.scores.mean_iou - first.scores.mean_iou)
    pairs = list(zip(first.pictures, second.pictures, strict=True))
    extreme = 0
    for swaps in product((0, 1), repeat=6):  # all there are
        one = [pair[swap] for pair, swap in zip(pairs, swaps, strict=True)]
        other = [pair[1 - swap] for pair, swap in zip(pairs, swaps, strict=True)]
        extreme += abs(mean_iou(one) - mean_iou(other)) >= observed - 1e-12
    # 4000 draws: a standard deviation is below 0.008.
    assert compare(first, second, num_draws=4000).p_value == pytest.approx(extreme / 64, abs=0.03)


def test_a_clear_gain_on_every_picture_is_more_than_noise():
    found = compare(make_evaluation(EVEN), make_evaluation([0.9] * 12))
    assert found.difference > 0.1
    assert found.interval.low > 0
    assert found.p_value < 0.01
    assert found.is_more_than_noise
    assert len(found.better) == 12
    assert found.worse == ()


def test_the_same_twice_does_not_differ_and_is_noise():
    evaluation = make_evaluation(FIRST)
    found = compare(evaluation, evaluation)
    assert (found.difference, found.interval, found.p_value) == (0, (0, 0), 1)
    assert not found.is_more_than_noise
    assert found.better == found.worse == ()


def test_gains_and_losses_that_balance_are_noise():
    swing = [0.3, 0.9] * 6
    found = compare(make_evaluation(swing), make_evaluation(swing[::-1]))
    assert found.interval.low < 0 < found.interval.high
    assert found.p_value > 0.05
    assert not found.is_more_than_noise


def test_the_other_way_round_everything_changes_sign():
    first, second = make_evaluation(FIRST), make_evaluation(SECOND)
    there, back = compare(first, second), compare(second, first)
    assert back.difference == -there.difference
    assert back.interval == pytest.approx((-there.interval.high, -there.interval.low), abs=1e-12)
    assert back.p_value == there.p_value
    assert [one.name for one in back.worse] == [one.name for one in there.better]


def test_better_and_worse_pictures_are_listed_from_the_largest_difference():
    first, second = make_evaluation(FIRST), make_evaluation(SECOND)
    found = compare(first, second)
    by_name = {
        one.name: other.mean_iou - one.mean_iou
        for one, other in zip(first.pictures, second.pictures, strict=True)
    }
    assert {one.name for one in found.better} == {name for name in by_name if by_name[name] > 0}
    gains = [one.difference for one in found.better]
    assert gains == sorted(gains, reverse=True)
    assert [by_name[one.name] for one in found.worse] == sorted(
        value for value in by_name.values() if value < 0
    )


def test_each_class_is_compared_and_one_that_is_nowhere_has_no_interval():
    first, second = make_evaluation(FIRST), make_evaluation(SECOND)
    classes = compare(first, second).classes
    assert [one.name for one in classes] == list(NAMES)
    for label, one in enumerate(classes[:3]):
        assert (one.first, one.second) == (
            first.scores.class_iou[label],
            second.scores.class_iou[label],
        )
        assert one.interval.low <= one.difference <= one.interval.high
    assert classes[3].interval is None


def test_evaluations_of_other_pictures_are_refused_by_name():
    first = make_evaluation(FIRST)
    with pytest.raises(ValueError, match=r"other pictures: 6 and 5; only in the first: p5;"):
        compare(first, make_evaluation(FIRST[:5]))


def test_the_same_names_with_other_label_maps_are_refused():
    with pytest.raises(ValueError, match="picture p0: the second evaluation had another true"):
        compare(make_evaluation(FIRST), make_evaluation(FIRST, noise=100))


def test_other_classes_and_other_conventions_are_refused():
    first = make_evaluation(FIRST)
    with pytest.raises(ValueError, match="other classes"):
        compare(first, make_evaluation(FIRST, names=("a", "b", "c", "d")))
    with pytest.raises(ValueError, match="other conventions: devkit and present"):
        compare(first, make_evaluation(FIRST, convention="present"))


def test_without_pictures_there_is_nothing_to_compare():
    nothing = dataclasses.replace(make_evaluation(FIRST), pictures=())
    with pytest.raises(ValueError, match="nothing to compare"):
        compare(nothing, nothing)
