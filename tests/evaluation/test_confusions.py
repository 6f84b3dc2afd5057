import numpy as np
import pytest

from deeplab.evaluation.confusions import most_frequent

NAMES = ("background", "cat", "dog")
COUNTS = ((900, 30, 0), (10, 60, 30), (0, 0, 50))


def test_the_most_frequent_confusions_come_first_and_the_diagonal_is_none():
    found = most_frequent(COUNTS, NAMES, count=9)
    pairs = [(one.true_name, one.given_name, one.num_pixels) for one in found]
    assert pairs == [("background", "cat", 30), ("cat", "dog", 30), ("cat", "background", 10)]


def test_a_confusion_is_told_as_a_share_of_its_class_and_of_all_errors():
    cat_as_dog = most_frequent(np.array(COUNTS), NAMES, count=2)[1]
    assert cat_as_dog.share_of_class == pytest.approx(0.3)
    assert cat_as_dog.share_of_errors == pytest.approx(30 / 70)
    assert cat_as_dog.describe() == "cat called dog: 30.0 % of cat, 42.9 % of all errors"


def test_no_more_are_listed_than_asked_for_and_none_where_all_is_right():
    assert len(most_frequent(COUNTS, NAMES, count=1)) == 1
    assert most_frequent(np.eye(3, dtype=int), NAMES, count=5) == ()
