import numpy as np
import pytest

from deeplab.inference.shares import ClassShare, ShareCount

NAMES = ("background", "cat", "dog")


def count(*parts):
    counted = ShareCount(NAMES)
    for part in parts:
        counted.add(*part)
    return counted.found()


def noise(height, width, seed=0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 3, (height, width)).astype(np.uint8)
    return labels, random.random((height, width), np.float32)


def test_shares_and_means_are_those_of_all_pixels_the_largest_first():
    labels = np.array([[1, 1, 1], [0, 0, 1]], np.uint8)
    confidence = np.array([[0.5, 1, 0.5], [0.25, 0.75, 1]], np.float32)
    assert count((labels, confidence)) == (
        ClassShare("cat", 1, 4 / 6, 0.75),
        ClassShare("background", 0, 2 / 6, 0.5),
    )


def test_parts_count_as_the_whole():
    labels, confidence = noise(30, 20)
    parts = [(labels[rows], confidence[rows]) for rows in (slice(0, 7), slice(7, 30))]
    for one, whole in zip(count(*parts), count((labels, confidence)), strict=True):
        assert one.label == whole.label
        assert (one.share, one.confidence) == pytest.approx((whole.share, whole.confidence))


def test_a_large_picture_counts_more_than_a_small_one():
    small, large = np.full((1, 2), 1, np.uint8), np.full((3, 2), 2, np.uint8)
    found = count(*((labels, np.ones(labels.shape, np.float32)) for labels in (small, large)))
    assert [(one.name, one.share) for one in found] == [("dog", 0.75), ("cat", 0.25)]


def test_void_does_not_count():
    labels, confidence = noise(5, 6)
    beside = np.hstack([labels, np.full_like(labels, 255)]), np.hstack([confidence, confidence])
    assert count(beside) == count((labels, confidence))


def test_of_nothing_there_is_nothing():
    assert count() == ()
