import numpy as np
import pytest

from deeplab.evaluation.boundary import Boundary, band_width, inner_band
from deeplab.evaluation.measure import PictureResult
from deeplab.labels import VOID


def add(boundary, truth, predicted, void=VOID):
    boundary.add(PictureResult("picture", truth, predicted, void=void))


def eroded_band(mask, width):
    """The published code, step by step: a frame of zeros, `width` erosions by 3 x 3, the rest."""
    framed = np.pad(mask, 1)
    for _ in range(width):
        grown = np.pad(framed, 1, constant_values=True)  # what is beyond the frame does not erode
        height, columns = framed.shape
        framed = np.all(
            [grown[y : y + height, x : x + columns] for y in range(3) for x in range(3)], axis=0
        )
    return mask & ~framed[1:-1, 1:-1]


def blocky(seed, height=60, width=80, num_classes=4, block=12):
    """A label map of blocks, with noise so that the contours are ragged."""
    random = np.random.default_rng(seed)
    small = random.integers(0, num_classes, (-(-height // block), -(-width // block)))
    labels = np.kron(small, np.ones((block, block), int))[:height, :width].astype(np.uint8)
    is_noise = random.random(labels.shape) < 0.002
    labels[is_noise] = random.integers(0, num_classes, is_noise.sum())
    return labels


def with_void(labels, seed):
    random = np.random.default_rng(seed)
    is_void = np.kron(random.random((15, 20)) < 0.1, np.ones((4, 4), bool))
    return np.where(is_void, VOID, labels).astype(np.uint8)


@pytest.mark.parametrize("width", [1, 2, 5, 29, 30, 50])
def test_the_band_is_what_erosion_takes_away_of_each_class(width):
    labels = blocky(seed=width)
    slow = np.any([eroded_band(labels == label, width) for label in range(4)], axis=0)
    np.testing.assert_array_equal(inner_band(labels, width), slow)


def test_the_border_of_the_picture_is_contour_too():
    band = inner_band(np.zeros((7, 9), np.uint8), 2)
    assert not band[2:5, 2:7].any()
    assert band.sum() == 7 * 9 - 3 * 5


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_a_tiny_picture_is_all_band(shape):
    assert inner_band(np.zeros(shape, np.uint8), 1).all()


@pytest.mark.parametrize(
    ("size", "width"), [((375, 500), 12), ((10, 10), 1), ((1, 1), 1), ((1024, 2048), 46)]
)
def test_the_band_is_two_per_cent_of_the_diagonal_wide_and_at_least_a_pixel(size, width):
    assert band_width(*size) == width


def slow_iou(pairs, num_classes, share):
    both, either = np.zeros(num_classes), np.zeros(num_classes)
    for truth, predicted in pairs:
        width = max(1, round(share * np.hypot(*truth.shape)))
        for label in range(num_classes):
            is_scored = truth != VOID
            true_band = eroded_band(truth == label, width)
            found_band = eroded_band((predicted == label) & is_scored, width)
            both[label] += (true_band & found_band).sum()
            either[label] += (true_band | found_band).sum()
    return both / np.maximum(either, 1)


@pytest.mark.parametrize("share", [0.01, 0.02, 0.1])
def test_it_is_the_iou_of_the_eroded_bands_summed_over_all_pictures(share):
    pairs = [(with_void(blocky(seed), seed), blocky(seed + 100)) for seed in range(3)]
    boundary = Boundary(4, band_share=share)
    for truth, predicted in pairs:
        add(boundary, truth, predicted)
    expected = slow_iou(pairs, 4, share)
    np.testing.assert_allclose(boundary.result().class_iou, expected, rtol=1e-12)
    assert boundary.result().mean_iou == pytest.approx(expected.mean())


def test_a_perfect_prediction_has_one_whatever_it_says_in_void():
    labels = blocky(seed=0)
    boundary = Boundary(4)
    add(boundary, with_void(labels, seed=1), labels)
    assert boundary.result().class_iou == (1.0, 1.0, 1.0, 1.0)


def test_a_square_that_is_one_pixel_off_is_judged_by_its_outline_alone():
    truth, found = np.zeros((100, 100), np.uint8), np.zeros((100, 100), np.uint8)
    truth[20:60, 20:60] = 1
    found[20:60, 21:61] = 1
    boundary = Boundary(2, band_share=1 / np.hypot(100, 100))  # a pixel wide
    add(boundary, truth, found)
    # Two outlines of 4 * 39 pixels share all but an end of the upper and lower sides: 2 * 39.
    assert boundary.result().intersections[1] == 78
    assert boundary.result().unions[1] == 2 * 156 - 78


def test_a_band_wider_than_every_object_gives_the_plain_iou():
    pairs = [(with_void(blocky(seed), seed), blocky(seed + 9)) for seed in range(2)]
    boundary = Boundary(4, band_share=1.0)
    for truth, predicted in pairs:
        add(boundary, truth, predicted)
    truth, predicted = (np.stack(maps) for maps in zip(*pairs, strict=True))
    for label in range(4):
        true, found = truth == label, (predicted == label) & (truth != VOID)
        assert boundary.result().unions[label] == (true | found).sum()
        assert boundary.result().intersections[label] == (true & found).sum()


def test_a_class_that_is_nowhere_counts_as_the_convention_says():
    labels = blocky(seed=3, num_classes=2)
    for convention, mean in (("devkit", 2 / 3), ("present", 1)):
        boundary = Boundary(3, convention=convention)
        add(boundary, labels, labels)
        assert boundary.result().class_iou == (1.0, 1.0, 0.0)
        assert boundary.result().mean_iou == pytest.approx(mean)


def test_label_maps_of_16_bits_count_the_same():
    truth, predicted = with_void(blocky(0), 0), blocky(1)
    narrow, wide = Boundary(4), Boundary(4)
    add(narrow, truth, predicted)
    wide_truth = np.where(truth == VOID, 65535, truth.astype(np.uint16))
    add(wide, wide_truth, predicted.astype(np.uint16), void=65535)
    assert wide.result() == narrow.result()


def test_counts_that_were_kept_go_on_as_if_nothing_had_happened():
    pairs = [(blocky(seed), blocky(seed + 50)) for seed in range(2)]
    whole, first, second = Boundary(4), Boundary(4), Boundary(4)
    for truth, predicted in pairs:
        add(whole, truth, predicted)
    add(first, *pairs[0])
    second.restore(first.state())
    add(second, *pairs[1])
    assert second.result() == whole.result()
