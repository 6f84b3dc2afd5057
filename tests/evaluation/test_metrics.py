import numpy as np
import pytest
import torch
from torchmetrics.classification import (
    MulticlassAccuracy,
    MulticlassF1Score,
    MulticlassJaccardIndex,
    MulticlassPrecision,
)

from deeplab.evaluation import ConfusionMatrix
from deeplab.labels import VOID

NAMES = ("background", "cat", "dog")


def random_pairs(num_pictures=5, num_classes=3, seed=0):
    """Pictures of different sizes; a tenth of the truth is void."""
    rng = np.random.default_rng(seed)
    pairs = []
    for _ in range(num_pictures):
        size = tuple(rng.integers(3, 20, 2))
        truth = rng.integers(0, num_classes, size, dtype=np.uint8)
        truth[rng.random(size) < 0.1] = VOID
        pairs.append((truth, rng.integers(0, num_classes, size, dtype=np.uint8)))
    return pairs


def matrix_of(pairs, class_names=NAMES):
    matrix = ConfusionMatrix(class_names)
    for truth, predicted in pairs:
        matrix.add(truth, predicted, picture_name="picture")
    return matrix


def scores_of(pairs, class_names=NAMES):
    return matrix_of(pairs, class_names).scores()


def slow_class_iou(pairs, label):
    """The definition: pixels in both regions over pixels in either, over all pictures."""
    both = either = 0
    for truth, predicted in pairs:
        for true_label, predicted_label in zip(truth.flat, predicted.flat, strict=True):
            if true_label == VOID:
                continue
            both += true_label == label and predicted_label == label
            either += true_label == label or predicted_label == label
    return both / either


def test_class_iou_is_the_overlap_of_the_regions_over_their_union():
    pairs = random_pairs()
    expected = [slow_class_iou(pairs, label) for label in range(3)]
    assert scores_of(pairs).class_iou == pytest.approx(expected, rel=1e-12)


def test_mean_iou_is_the_mean_over_all_classes_background_included():
    pairs = random_pairs(seed=1)
    expected = np.mean([slow_class_iou(pairs, label) for label in range(3)])
    assert scores_of(pairs).mean_iou == pytest.approx(expected, rel=1e-12)


def test_accuracies_agree_with_masks_over_all_pixels_laid_end_to_end():
    pairs = random_pairs(seed=2)
    truth = np.concatenate([truth.ravel() for truth, _ in pairs])
    predicted = np.concatenate([predicted.ravel() for _, predicted in pairs])
    truth, predicted = truth[truth != VOID], predicted[truth != VOID]
    recall = [np.mean(predicted[truth == label] == label) for label in range(3)]
    scores = scores_of(pairs)
    assert scores.pixel_accuracy == pytest.approx(np.mean(truth == predicted), rel=1e-12)
    assert scores.class_accuracy == pytest.approx(recall, rel=1e-12)
    assert scores.mean_accuracy == pytest.approx(np.mean(recall), rel=1e-12)


def test_frequency_weighted_iou_weighs_each_class_by_its_true_pixels():
    pairs = random_pairs(seed=3)
    shares = np.array([sum(np.sum(truth == label) for truth, _ in pairs) for label in range(3)])
    iou = [slow_class_iou(pairs, label) for label in range(3)]
    expected = np.sum(shares / shares.sum() * iou)
    assert scores_of(pairs).frequency_weighted_iou == pytest.approx(expected, rel=1e-12)


def test_one_matrix_over_the_set_equals_one_long_picture():
    pairs = random_pairs(seed=4)
    long_truth = np.concatenate([truth.ravel() for truth, _ in pairs])[None]
    long_predicted = np.concatenate([predicted.ravel() for _, predicted in pairs])[None]
    assert scores_of(pairs).confusion == scores_of([(long_truth, long_predicted)]).confusion


def test_the_score_is_not_the_mean_of_the_pictures_scores():
    large = (np.zeros((10, 10), np.uint8), np.zeros((10, 10), np.uint8))
    small = (np.zeros((1, 1), np.uint8), np.ones((1, 1), np.uint8))
    assert scores_of([large, small]).pixel_accuracy == pytest.approx(100 / 101)


def test_what_is_predicted_on_void_does_not_count():
    truth = np.array([[0, 1, VOID]], np.uint8)
    one, other = np.array([[0, 1, 1]], np.uint8), np.array([[0, 1, 2]], np.uint8)
    assert scores_of([(truth, one)]) == scores_of([(truth, other)])


def test_a_class_absent_from_truth_and_prediction_has_iou_zero_and_counts_in_the_mean():
    labels = np.array([[0, 1]], np.uint8)
    scores = scores_of([(labels, labels)])
    assert scores.class_iou == (1.0, 1.0, 0.0)
    assert scores.mean_iou == pytest.approx(2 / 3)
    assert scores.absent_classes == ("dog",)


def test_pictures_that_are_all_void_score_zero_instead_of_nan():
    labels = np.full((2, 2), VOID, np.uint8)
    scores = scores_of([(labels, np.zeros((2, 2), np.uint8))])
    assert (scores.mean_iou, scores.pixel_accuracy, scores.frequency_weighted_iou) == (0, 0, 0)


def test_renaming_the_classes_in_both_maps_permutes_the_class_scores():
    pairs = random_pairs(seed=5)
    renamed = np.full(256, VOID, np.uint8)
    renamed[:3] = [2, 0, 1]
    permuted = scores_of([(renamed[truth], renamed[predicted]) for truth, predicted in pairs])
    scores = scores_of(pairs)
    assert [permuted.class_iou[label] for label in (2, 0, 1)] == list(scores.class_iou)


@pytest.mark.parametrize("label", [3, 254])
def test_a_true_label_beyond_the_classes_names_the_picture_and_the_label(label):
    truth = np.array([[0, label]], np.uint8)
    message = rf"^street\.png: true label {label} in 1 pixels, but there are 3 classes"
    with pytest.raises(ValueError, match=message):
        ConfusionMatrix(NAMES).add(truth, np.zeros((1, 2), np.uint8), picture_name="street.png")


@pytest.mark.parametrize("label", [3, VOID])
def test_a_predicted_label_must_be_a_class_even_where_the_truth_is_void(label):
    truth = np.full((1, 1), VOID, np.uint8)
    matrix = ConfusionMatrix(NAMES)
    with pytest.raises(ValueError, match=rf"street\.png: predicted label {label} "):
        matrix.add(truth, np.full((1, 1), label, np.uint8), picture_name="street.png")


def test_maps_of_different_size_are_refused_and_nothing_is_counted():
    matrix = ConfusionMatrix(NAMES)
    with pytest.raises(ValueError, match=r"street\.png.*is 3x2 pixels.*2x3"):
        matrix.add(
            np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), picture_name="street.png"
        )
    assert matrix.num_pictures == 0
    assert matrix.counts.sum() == 0


SIX = tuple("abcdef")


def six_class_pairs(seed, *, absent=(), num_pictures=4):
    """Maps of six classes with void; `absent` ones are neither there nor predicted."""
    rng = np.random.default_rng(seed)
    kinds = [label for label in range(6) if label not in absent]
    pairs = []
    for _ in range(num_pictures):
        truth = rng.choice(kinds, (17, 23)).astype(np.uint8)
        predicted = np.where(rng.random(truth.shape) < 0.6, truth, rng.choice(kinds, truth.shape))
        truth[rng.random(truth.shape) < 0.2] = VOID
        pairs.append((truth, predicted.astype(np.uint8)))
    return pairs


def by_torchmetrics(kind, pairs, average):
    metric = kind(num_classes=6, average=average, ignore_index=VOID, validate_args=False)
    for truth, predicted in pairs:
        metric.update(torch.from_numpy(predicted.astype(int)), torch.from_numpy(truth.astype(int)))
    return metric.compute().numpy()


@pytest.mark.parametrize("absent", [(), (2,), (0, 5)])
@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (MulticlassJaccardIndex, "iou"),
        (MulticlassAccuracy, "accuracy"),
        (MulticlassPrecision, "precision"),
        (MulticlassF1Score, "dice"),
    ],
)
def test_torchmetrics_agrees_on_every_class_and_leaves_absent_ones_out_of_its_means(
    kind, name, absent
):
    pairs = six_class_pairs(seed=3, absent=absent)
    scores = matrix_of(pairs, SIX).scores(convention="present")
    # torchmetrics computes in 32 bits.
    classes = by_torchmetrics(kind, pairs, None)
    assert getattr(scores, f"class_{name}") == pytest.approx(classes.tolist(), abs=1e-6)
    mean = by_torchmetrics(kind, pairs, "macro")
    assert getattr(scores, f"mean_{name}") == pytest.approx(float(mean), abs=1e-6)


def test_torchmetrics_micro_accuracy_is_our_pixel_accuracy():
    pairs = six_class_pairs(seed=4, absent=(1,))
    expected = by_torchmetrics(MulticlassAccuracy, pairs, "micro")
    assert scores_of(pairs, SIX).pixel_accuracy == pytest.approx(float(expected), abs=1e-6)


def test_the_devkit_counts_absent_classes_as_zero_and_the_other_convention_leaves_them_out():
    matrix = matrix_of(six_class_pairs(seed=5, absent=(2, 4)), SIX)
    devkit, present = matrix.scores(), matrix.scores(convention="present")
    for name in ("iou", "accuracy", "precision", "dice"):
        mean = getattr(devkit, f"mean_{name}")
        assert mean == pytest.approx(np.mean(getattr(devkit, f"class_{name}")), rel=1e-12)
        assert getattr(present, f"mean_{name}") == pytest.approx(mean * 6 / 4, rel=1e-12)
    assert devkit.class_iou == present.class_iou
    assert devkit.frequency_weighted_iou == present.frequency_weighted_iou


def test_where_no_class_is_absent_the_conventions_agree():
    matrix = matrix_of(six_class_pairs(seed=6), SIX)
    devkit, present = matrix.scores(), matrix.scores(convention="present")
    assert present.mean_iou == pytest.approx(devkit.mean_iou, rel=1e-12)


def test_a_class_that_is_only_predicted_counts_in_iou_and_precision_but_not_in_accuracy():
    truth, predicted = np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 2, 1, 1]], np.uint8)
    scores = matrix_of([(truth, predicted)]).scores(convention="present")
    assert scores.mean_iou == pytest.approx((0.5 + 1 + 0) / 3)
    assert scores.mean_precision == pytest.approx((1 + 1 + 0) / 3)
    assert scores.mean_accuracy == pytest.approx((0.5 + 1) / 2)


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match=r"convention 'voc': allowed are 'devkit' .* 'present'"):
        ConfusionMatrix(NAMES).scores(convention="voc")


def test_a_thousand_classes_are_counted_in_16_bits_with_void_65535():
    names = tuple(f"class {label}" for label in range(1000))
    truth = np.array([[0, 255, 999, 65535]], np.uint16)
    predicted = np.array([[0, 255, 998, 7]], np.uint16)
    matrix = matrix_of([(truth, predicted)], names)
    assert matrix.counts.sum() == 3
    assert matrix.counts[255, 255] == matrix.counts[999, 998] == 1
    with pytest.raises(ValueError, match=r"true label 1000 .* and 65535 for void"):
        matrix.add(np.array([[1000]], np.uint16), np.array([[0]], np.uint16), picture_name="p")


def test_more_pixels_than_32_bits_hold_are_counted():
    matrix = ConfusionMatrix(NAMES)
    matrix.add(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), picture_name="p")
    matrix.counts *= 2**33
    matrix.add(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.uint8), picture_name="p")
    assert matrix.scores().confusion[0][0] == 2**33 + 1
