from types import SimpleNamespace

import numpy as np
import pytest

from deeplab.training.balance import CLIP, class_weights

NAMES = ("ground", "road", "pole")


def counted(pixels, in_pictures_of):
    """What a stream knows of its classes."""
    return SimpleNamespace(
        pixel_counts=np.array(pixels), picture_pixel_counts=np.array(in_pictures_of)
    )


STREAM = counted([6000, 3000, 500], [10000, 10000, 5000])


@pytest.mark.parametrize("choice", ["auto", "median_frequency"])
def test_the_median_frequency_is_divided_by_the_frequency_of_each_class(choice):
    # frequencies 0.6, 0.3 and, in the half of the pictures that have one, 0.1
    assert class_weights(choice, NAMES, STREAM) == pytest.approx((0.5, 1.0, 3.0))


def test_a_class_of_20_pixels_does_not_explode():
    stream = counted([10**7, 10**6, 20], [10**8] * 3)
    weights = class_weights("auto", NAMES, stream)
    assert weights == pytest.approx((0.1, 1.0, CLIP))


def test_a_class_that_never_occurs_counts_1_and_is_told_of(caplog):
    stream = counted([600, 0, 300], [1000, 0, 1000])
    with caplog.at_level("WARNING"):
        weights = class_weights("auto", NAMES, stream)
    assert weights == pytest.approx((0.75, 1.0, 1.5))
    assert "1 classes never occur in the training label maps: road" in caplog.text


def test_without_any_labelled_pixel_all_count_1():
    assert class_weights("auto", NAMES, counted([0, 0, 0], [0, 0, 0])) == (1, 1, 1)


def test_none_is_none():
    assert class_weights("none", NAMES, STREAM) is None


def test_weights_may_be_given_in_order_or_by_name():
    assert class_weights((1, 2, 0), NAMES, STREAM) == (1, 2, 0)
    assert class_weights({"pole": 2.5}, NAMES, STREAM) == (1, 1, 2.5)


def test_the_weights_are_shown_with_the_share_of_each_class(caplog):
    with caplog.at_level("INFO"):
        class_weights("auto", NAMES, STREAM)
    assert "pole      5.263 %   3.000" in caplog.text


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ((1, 2), "has 2 numbers for 3 classes"),
        ({"pool": 2}, "no class 'pool'; classes are ground, road, pole"),
        ((1, -1, 1), "0 or more"),
        ((0, 0, 0), "not all 0"),
        ((1, float("nan"), 1), "0 or more"),
    ],
)
def test_weights_that_cannot_be_are_refused(choice, message):
    with pytest.raises(ValueError, match=message):
        class_weights(choice, NAMES, STREAM)
