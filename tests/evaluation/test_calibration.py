import csv

import numpy as np
import pytest

from deeplab.evaluation.calibration import Calibration, reliabilities_to_csv
from deeplab.evaluation.measure import PictureResult
from deeplab.labels import VOID


def sample(seed, height=40, width=50, num_classes=4):
    """A picture that is right more often where it is surer, and has void."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, num_classes, (height, width), dtype=np.uint8)
    confidence = random.uniform(0.25, 1, truth.shape).astype(np.float32)
    other = random.integers(0, num_classes, truth.shape, dtype=np.uint8)
    predicted = np.where(random.random(truth.shape) < confidence**2, truth, other)
    truth[random.random(truth.shape) < 0.1] = VOID
    return truth, predicted, confidence


def calibrated(samples, num_classes=4, num_bins=15):
    calibration = Calibration(num_classes, num_bins=num_bins)
    for one in samples:
        calibration.add(PictureResult("picture", *one))
    return calibration.result()


@pytest.mark.parametrize("num_bins", [1, 10, 15])
@pytest.mark.parametrize(("norm", "measure"), [("l1", "expected_error"), ("max", "largest_error")])
def test_it_is_the_calibration_error_of_torchmetrics(num_bins, norm, measure):
    torch = pytest.importorskip("torch", reason="torchmetrics needs torch")
    metrics = pytest.importorskip("torchmetrics.classification", reason="compared with it")
    samples = [sample(seed) for seed in range(3)]
    theirs = metrics.MulticlassCalibrationError(4, n_bins=num_bins, norm=norm, ignore_index=VOID)
    for truth, predicted, confidence in samples:
        # The other three classes share what is left: less than the predicted one's.
        probabilities = np.repeat((1 - confidence)[np.newaxis] / 3, 4, axis=0)
        np.put_along_axis(probabilities, predicted[np.newaxis].astype(int), confidence, axis=0)
        theirs.update(torch.from_numpy(probabilities)[None], torch.from_numpy(truth)[None].long())
    found = getattr(calibrated(samples, num_bins=num_bins), measure)
    assert found == pytest.approx(theirs.compute().item(), rel=1e-4)  # their sums are float32


def test_the_measures_of_four_pixels_by_hand():
    truth = np.array([[0, 0, 1, VOID]], np.uint8)
    predicted = np.array([[0, 1, 1, 0]], np.uint8)
    confidence = np.array([[0.9, 0.6, 0.7, 0.1]], np.float32)
    found = calibrated([(truth, predicted, confidence)], num_classes=2, num_bins=2)
    assert found.num_pixels == (0, 3)
    assert found.accuracy[1] == pytest.approx(2 / 3)
    assert found.confidence[1] == pytest.approx(2.2 / 3, rel=1e-6)
    assert found.expected_error == pytest.approx(0.2 / 3, rel=1e-6)
    assert found.largest_error == pytest.approx(0.2 / 3, rel=1e-6)
    assert found.brier == pytest.approx((0.1**2 + 0.6**2 + 0.3**2) / 3, rel=1e-6)
    assert found.class_error == pytest.approx((0.1, 0.15), rel=1e-6)


def test_what_is_sure_and_right_has_no_error_and_what_is_sure_and_wrong_has_all_of_it():
    ones, sure = np.ones((3, 3), np.uint8), np.ones((3, 3), np.float32)
    right = calibrated([(ones, ones, sure)], num_classes=2)
    assert (right.expected_error, right.largest_error, right.brier) == (0, 0, 0)
    wrong = calibrated([(ones, ones - 1, sure)], num_classes=2)
    assert (wrong.expected_error, wrong.largest_error, wrong.brier) == (1, 1, 1)
    assert wrong.class_error == (1, 0)


def test_every_pixel_that_is_not_void_falls_into_one_bin_edges_and_beyond_included():
    confidence = np.array([[0, 1 / 3, 0.5, 1, 1.0000001, 0.999]], np.float32)
    truth = np.array([[0, 0, VOID, 0, 0, 0]], np.uint8)
    found = calibrated([(truth, truth * 0, confidence)], num_bins=3)
    assert sum(found.num_pixels) == 5
    assert found.num_pixels[2] == 3


def test_the_means_are_those_of_all_pixels_together():
    samples = [sample(seed) for seed in range(3)]
    truth, predicted, confidence = (np.stack(maps) for maps in zip(*samples, strict=True))
    is_scored = truth != VOID
    found = calibrated(samples)
    assert found.mean_accuracy == pytest.approx((truth == predicted)[is_scored].mean())
    assert found.mean_confidence == pytest.approx(confidence[is_scored].mean(dtype=np.float64))


def test_a_single_class_given_everywhere_has_the_error_of_all():
    truth, _, confidence = sample(0)
    found = calibrated([(truth, np.full_like(truth, 2), confidence)])
    assert found.class_error[2] == pytest.approx(found.expected_error)


def test_nothing_but_void_gives_zeros_not_errors():
    void = np.full((2, 2), VOID, np.uint8)
    found = calibrated([(void, void * 0, np.ones((2, 2), np.float32))])
    assert (found.expected_error, found.brier, sum(found.num_pixels)) == (0, 0, 0)


def test_sums_that_were_kept_go_on_as_if_nothing_had_happened():
    samples = [sample(seed) for seed in range(2)]
    first, second = Calibration(4), Calibration(4)
    first.add(PictureResult("picture", *samples[0]))
    second.restore(first.state())
    second.add(PictureResult("picture", *samples[1]))
    assert second.result() == calibrated(samples)


def test_the_csv_has_a_row_for_each_bin_and_no_means_where_no_pixel_is():
    found = calibrated([sample(0)])
    rows = list(csv.DictReader(reliabilities_to_csv({"plain": found, "crf": found}).splitlines()))
    assert [row["of"] for row in rows] == ["plain"] * 15 + ["crf"] * 15
    assert [int(row["pixels"]) for row in rows[:15]] == list(found.num_pixels)
    assert rows[0]["accuracy"] == ""  # confidence below 1 / 15
    assert float(rows[14]["accuracy"]) == found.accuracy[14]
    assert (rows[14]["from"], rows[14]["to"]) == ("0.9333", "1.0000")


def test_label_maps_alone_are_refused():
    labels = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match="b: label maps alone have no confidence"):
        Calibration(2).add(PictureResult("a/b", labels, labels))
