import numpy as np
import pytest

from deeplab import imaging
from deeplab.inference import ScoreGrid


def random_probabilities(shape, seed=0):
    values = np.random.default_rng(seed).gamma(0.3, size=shape).astype(np.float32) + 1e-6
    return values / values.sum(axis=0)


def between(length, size):
    """Positions of `length` pixels all over `size` grid points, and a little beyond them."""
    return np.linspace(-0.4, size - 0.6, length)


@pytest.fixture
def marginals() -> ScoreGrid:
    values = random_probabilities((7, 40, 33))
    return ScoreGrid(values, between(93, 40), between(71, 33), are_probabilities=True)


def test_probabilities_are_upsampled_as_they_are(marginals):
    expected = imaging.sample_scores(marginals.scores, marginals.rows, marginals.columns)
    bands = np.concatenate([values for _, values in marginals.probability_bands()], axis=1)
    for found in (marginals.whole(), bands):
        np.testing.assert_allclose(found, expected, atol=1e-6)  # float32, positions in each band


def test_leaving_out_classes_that_cannot_win_changes_no_label(marginals):
    labels, confidence = marginals.label()
    whole = marginals.whole()
    np.testing.assert_array_equal(labels, whole.argmax(axis=0))
    np.testing.assert_allclose(confidence, whole.max(axis=0), rtol=1e-6)  # float32, other sums


@pytest.mark.parametrize(("num_classes", "dtype"), [(255, np.uint8), (300, np.uint16)])
def test_labels_are_wide_enough_for_the_last_class(num_classes, dtype):
    scores = np.zeros((num_classes, 2, 2), np.float32)
    scores[-1] = 5
    for values in (scores, scores / 5):
        grid = ScoreGrid(values, np.arange(2.0), np.arange(2.0), are_probabilities=values is scores)
        labels, _ = grid.label()
        assert labels.dtype == dtype
        assert (labels == num_classes - 1).all()


def test_a_grid_as_large_as_the_picture_is_taken_point_by_point():
    values = random_probabilities((3, 40, 20))
    grid = ScoreGrid(values, np.arange(40.0), np.arange(20.0), are_probabilities=True)
    np.testing.assert_array_equal(grid.whole(), values)


def test_bands_may_be_changed_without_harm():
    values = random_probabilities((3, 40, 20))
    grid = ScoreGrid(values.copy(), np.arange(40.0), np.arange(20.0), are_probabilities=True)
    for _, band in grid.bands():
        band[:] = -1
    np.testing.assert_array_equal(grid.scores, values)


@pytest.mark.parametrize("are_probabilities", [False, True])
def test_one_class_after_the_other_gives_the_same_probabilities(are_probabilities):
    values = random_probabilities((3, 40, 20))
    scores = values if are_probabilities else np.log(values) + 3
    grid = ScoreGrid(scores, between(70, 40), between(30, 20), are_probabilities)
    by_class = np.concatenate(list(grid.probabilities_by_class())).reshape(3, 70, 30)
    by_band = np.concatenate([band for _, band in grid.probability_bands()], axis=1)
    np.testing.assert_allclose(by_class, by_band, atol=1e-6)  # float32


def test_scores_in_16_bits_are_upsampled_in_32():
    scores = np.log(random_probabilities((3, 9, 8))).astype(np.float16)
    short = ScoreGrid(scores, between(30, 9), between(20, 8))
    long = ScoreGrid(scores.astype(np.float32), between(30, 9), between(20, 8))
    assert short.whole().dtype == np.float32
    np.testing.assert_array_equal(short.whole(), long.whole())
