import csv
import io

import numpy as np
import pytest

from deeplab.evaluation import (
    ConfusionMatrix,
    PictureResult,
    Trimap,
    curves_to_csv,
    distances_to_void,
)
from deeplab.labels import VOID


def random_truth(height=40, width=50, num_void=6, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, (height, width), dtype=np.uint8)
    truth[rng.integers(0, height, num_void), rng.integers(0, width, num_void)] = VOID
    return truth


def slow_band(truth, width):
    """The definition: what a square of 2 width + 1 pixels around a void pixel covers, less void."""
    band = np.zeros(truth.shape, bool)
    for row, column in np.argwhere(truth == VOID):
        top, left = max(row - width, 0), max(column - width, 0)
        band[top : row + width + 1, left : column + width + 1] = True
    return band & (truth != VOID)


@pytest.mark.parametrize("width", [1, 2, 7, 40])
def test_the_band_is_what_a_square_reaches_from_void_less_void(width):
    truth = random_truth()
    distances = distances_to_void(truth)
    np.testing.assert_array_equal((distances > 0) & (distances <= width), slow_band(truth, width))


def test_void_has_distance_zero_and_what_is_farther_than_the_limit_one_more_than_it():
    truth = np.zeros((1, 10), np.uint8)
    truth[0, 0] = VOID
    assert distances_to_void(truth, limit=4)[0].tolist() == [0, 1, 2, 3, 4, 5, 5, 5, 5, 5]


@pytest.mark.parametrize("width", [1, 3, 40])
def test_the_curve_is_the_mean_iou_of_the_pixels_in_the_band_over_all_pictures(width):
    trimap, matrix = Trimap(3), ConfusionMatrix(("a", "b", "c"))
    for seed in range(3):
        truth = random_truth(seed=seed)
        predicted = random_truth(num_void=0, seed=seed + 10)
        trimap.add(PictureResult("picture", truth, predicted))
        inside = np.where(slow_band(truth, width), truth, VOID)
        matrix.add(inside, predicted, picture_name="picture")
    curve = trimap.result()
    assert curve.mean_iou[width - 1] == pytest.approx(matrix.scores().mean_iou, rel=1e-12)
    assert curve.num_pixels[width - 1] == matrix.counts.sum()


def test_the_widest_band_of_a_small_picture_is_all_of_it():
    truth, predicted = random_truth(20, 20, num_void=1), random_truth(20, 20, num_void=0, seed=1)
    trimap, matrix = Trimap(3), ConfusionMatrix(("a", "b", "c"))
    trimap.add(PictureResult("picture", truth, predicted))
    matrix.add(truth, predicted, picture_name="picture")
    assert trimap.result().mean_iou[-1] == matrix.scores().mean_iou


def test_pictures_without_void_have_no_band():
    truth = random_truth(num_void=0)
    trimap = Trimap(3)
    trimap.add(PictureResult("picture", truth, truth))
    assert set(trimap.result().num_pixels) == {0}
    assert set(trimap.result().mean_iou) == {0.0}


def test_the_csv_has_a_row_for_each_width_and_columns_for_each_curve():
    truth = random_truth()
    trimap = Trimap(3, widths=5)
    trimap.add(PictureResult("picture", truth, random_truth(num_void=0, seed=1)))
    curve = trimap.result()
    rows = list(csv.DictReader(io.StringIO(curves_to_csv({"before": curve, "after": curve}))))
    assert [row["width_px"] for row in rows] == ["1", "2", "3", "4", "5"]
    assert [float(row["mean_iou after"]) for row in rows] == list(curve.mean_iou)
    assert [int(row["pixels before"]) for row in rows] == list(curve.num_pixels)
