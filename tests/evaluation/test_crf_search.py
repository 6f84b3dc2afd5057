import numpy as np
import pytest

from deeplab.crf import DenseCRF, Spatial
from deeplab.evaluation import (
    ConfusionMatrix,
    Objective,
    Point,
    Ranges,
    Search,
    Trial,
    TrialLog,
    search_crf,
)
from deeplab.evaluation.crf_sampling import draw_trials
from deeplab.inference import ScoredPicture, label_picture
from deeplab.inference.score_files import describe_classes

NAMES = ("a", "b")
CARD = describe_classes(2, NAMES)
BASE = DenseCRF(spatial=Spatial(1, 1), iterations=2, accuracy="exact")
RANGES = Ranges(weight=(1, 5), xy=(2, 6), rgb=(10, 40))


def example(seed=0):
    """A bright square on dark ground; the scores know it but for noise."""
    rng = np.random.default_rng(seed)
    truth = np.zeros((14, 16), np.uint8)
    truth[4:11, 3 + seed : 10 + seed] = 1
    picture = (60 + 120 * truth[..., None] + rng.integers(0, 20, (14, 16, 3))).astype(np.uint8)
    scores = np.stack([1.0 - truth, truth]) + rng.normal(scale=1, size=(2, 14, 16))
    scored = ScoredPicture.place(picture, picture, scores.astype(np.float32), grid_steps=(1, 1))
    return scored, truth


@pytest.fixture
def objective() -> Objective:
    return Objective([example(0), example(1), example(2)], NAMES, base=BASE, workers=2)


def slow_mean_iou(crf):
    matrix = ConfusionMatrix(NAMES)
    for seed in range(3):
        scored, truth = example(seed)
        matrix.add(truth, label_picture(scored.compact(), CARD, crf).labels, picture_name="")
    return matrix.scores().mean_iou


def test_a_trial_is_the_mean_iou_of_its_crf_over_all_pictures(objective):
    points = [Point(1, 4, 20), Point(5, 4, 20)]
    expected = [slow_mean_iou(objective.crf(point)) for point in points]
    assert objective.measure(points) == expected
    assert len(set(expected)) == 2


def test_without_a_crf_the_scores_are_measured_as_they_are(objective):
    assert objective.without_crf() == slow_mean_iou(None)


def test_only_the_bilateral_kernel_changes(objective):
    crf = objective.crf(Point(5, 4, 20))
    assert (crf.spatial, crf.iterations, crf.accuracy) == (BASE.spatial, 2, "exact")
    assert (crf.bilateral.weight, crf.bilateral.xy, crf.bilateral.rgb) == (5, 4, 20)


def test_the_grid_is_measured_at_every_point_and_then_around_its_best(objective, tmp_path):
    log = TrialLog(tmp_path, {})
    told = []
    found = search_crf(objective, log, ranges=RANGES, watch=lambda *news: told.append(news))
    coarse = [trial for trial in found.trials if trial.stage == "coarse"]
    assert [trial.point for trial in coarse] == RANGES.coarse()
    best = max(coarse, key=lambda trial: trial.mean_iou).point
    fine = {trial.point for trial in found.trials if trial.stage == "fine"}
    assert fine == set(RANGES.fine(best)) - set(RANGES.coarse())
    assert found.best.mean_iou == max(trial.mean_iou for trial in found.trials)
    assert found.crf == objective.crf(found.best.point)
    assert told[-1] == (len(found.trials), len(found.trials), found.best)


def test_the_paper_s_ranges_are_searched_by_default():
    assert len(Ranges().coarse()) == 4 * 8 * 4
    assert Ranges().fine(Point(4, 60, 3))[0] == Point(3.5, 55, 2.5)
    assert len(Ranges().fine(Point(4, 60, 3))) == 27


def test_a_range_of_one_value_stays_at_it():
    assert {point.rgb for point in Ranges(rgb=(3,)).fine(Point(4, 60, 3))} == {3}


def test_a_clean_picture_gains_and_the_search_says_so(objective, tmp_path):
    found = search_crf(objective, TrialLog(tmp_path, {}), ranges=RANGES)
    assert found.helps
    assert found.mean_iou_without_crf < found.best.mean_iou


def test_a_crf_that_does_nothing_does_not_help(tmp_path):
    still = DenseCRF(spatial=(), iterations=0, accuracy="exact")
    idle = Objective([example()], NAMES, base=still, workers=1)
    assert not search_crf(idle, TrialLog(tmp_path, {}), ranges=RANGES).helps


def test_an_interrupted_search_goes_on_to_the_same_end(objective, tmp_path):
    class Interrupted(Exception):
        pass

    def interrupt(done, total, best):
        if done > 5:
            raise Interrupted

    whole = search_crf(objective, TrialLog(tmp_path / "whole", {}), ranges=RANGES)
    with pytest.raises(Interrupted):
        search_crf(objective, TrialLog(tmp_path / "cut", {}), ranges=RANGES, watch=interrupt)
    again = TrialLog(tmp_path / "cut", {})
    kept = len(again.trials)
    assert 5 < kept < len(whole.trials)
    resumed = search_crf(objective, again, ranges=RANGES)
    assert [trial.point for trial in resumed.trials] == [trial.point for trial in whole.trials]
    assert resumed.best.point == whole.best.point


@pytest.mark.parametrize(
    ("best", "named"),
    [((4, 50, 3), []), ((3, 50, 3), ["weight"]), ((5, 40, 3), ["weight", "xy"])],
)
def test_a_best_value_that_is_the_first_or_last_of_several_tried_is_named(best, named):
    points = [Point(weight, xy, 3) for weight in (3, 4, 5) for xy in (40, 50, 60)]
    trials = [Trial("coarse", point, 0.5 + 0.1 * (point == best)) for point in points]
    found = Search(tuple(trials), max(trials, key=lambda one: one.mean_iou), BASE, 0.5, 1)
    assert found.on_border == named


@pytest.mark.parametrize("values", [(), (0, 1), (4, 3), (3, 3)])
def test_ranges_that_do_not_rise_above_zero_are_refused(values):
    with pytest.raises(ValueError, match=r"range of xy .*: give rising values above 0"):
        Ranges(xy=values)


@pytest.mark.parametrize("method", ["random", "tpe"])
def test_drawn_points_lie_in_the_ranges_and_go_on_where_they_stopped(method, objective, tmp_path):
    log = TrialLog(tmp_path, {})
    draw_trials(objective, log, RANGES, method, 3, 0, lambda *news: None)
    again = TrialLog(tmp_path, {})
    found = search_crf(objective, again, ranges=RANGES, method=method, num_trials=5)
    assert len({trial.point for trial in found.trials}) == 5
    assert {trial.stage for trial in found.trials} == {method}
    for weight, xy, rgb in (trial.point for trial in found.trials):
        assert 1 <= weight <= 5
        assert 2 <= xy <= 6
        assert 10 <= rgb <= 40
