import csv
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.counted import NAMES, make_evaluation, make_result

from deeplab.evaluation import ConfusionMatrix, PictureScores, pictures_to_csv
from deeplab.evaluation.pictures import stack_sums
from deeplab.labels import VOID


@pytest.fixture
def pictures() -> tuple[PictureScores, ...]:
    return make_evaluation([0.2, 0.5, 0.9]).pictures


def dense(seed, skill):
    matrix, result = ConfusionMatrix(NAMES), make_result(seed, skill=skill)
    matrix.add(result.truth, result.labels, picture_name="picture")
    return matrix


def test_the_few_cells_that_are_kept_lay_out_to_the_whole_confusion_matrix(pictures):
    for seed, (picture, skill) in enumerate(zip(pictures, (0.2, 0.5, 0.9), strict=True)):
        expected = dense(seed, skill)
        np.testing.assert_array_equal(picture.confusion(), expected.counts)
        assert (picture.pixels > 0).all()
        assert picture.num_pixels == expected.counts.sum()
        assert picture.pixel_accuracy == expected.scores().pixel_accuracy


def test_the_mean_of_a_picture_is_over_the_classes_it_has_or_was_given(pictures):
    for seed, (picture, skill) in enumerate(zip(pictures, (0.2, 0.5, 0.9), strict=True)):
        expected = dense(seed, skill).scores(convention="present").mean_iou
        assert picture.mean_iou == pytest.approx(expected, rel=1e-12)


def test_a_class_invented_in_a_picture_costs_as_much_as_a_class_missed():
    # 3 pixels of class 0, one called 1: IoU 2/3 of class 0, and 0 of class 1.
    picture = scores_of_cells([0, 1], [2, 1])
    assert picture.mean_iou == pytest.approx((2 / 3 + 0) / 2)


def scores_of_cells(cells, pixels):
    return PictureScores("a", Path("a.jpg"), Path("a.png"), 4, np.array(cells), np.array(pixels))


def test_a_picture_that_is_all_void_has_no_score():
    nothing = np.zeros(0, np.int64)
    picture = scores_of_cells(nothing, nothing)
    assert (picture.num_pixels, picture.pixel_accuracy, picture.mean_iou) == (0, None, None)


def test_sums_are_the_diagonal_the_rows_and_the_columns(pictures):
    for picture, (hits, truth, predicted) in zip(pictures, stack_sums(pictures), strict=True):
        np.testing.assert_array_equal(hits, picture.confusion().diagonal())
        np.testing.assert_array_equal(truth, picture.confusion().sum(axis=1))
        np.testing.assert_array_equal(predicted, picture.confusion().sum(axis=0))


def test_pictures_are_equal_if_all_their_counts_are():
    assert scores_of_cells([0, 5], [2, 1]) == scores_of_cells([0, 5], [2, 1])
    assert scores_of_cells([0, 5], [2, 1]) != scores_of_cells([0, 5], [1, 2])
    assert scores_of_cells([0, 5], [2, 1]) != scores_of_cells([0, 6], [2, 1])


def test_the_csv_has_a_row_for_each_picture_and_none_for_scores_that_are_not_there(pictures):
    empty = scores_of_cells([], [])
    rows = list(csv.DictReader(pictures_to_csv([pictures[0], empty]).splitlines()))
    assert float(rows[0]["mean_iou"]) == pictures[0].mean_iou
    assert int(rows[0]["pixels"]) == pictures[0].num_pixels
    assert rows[1] == {"picture": "a", "mean_iou": "", "pixel_accuracy": "", "pixels": "0"}


def test_void_is_in_no_picture_s_counts():
    result = make_result(0)
    assert make_evaluation([0.6]).pictures[0].num_pixels == (result.truth != VOID).sum()
