import numpy as np
import pytest

from deeplab.evaluation.conventions import check_convention, mean_over_classes, share

PART, WHOLE = np.array([[3, 0, 0], [1, 1, 1]]), np.array([[4, 0, 5], [2, 2, 2]])


def test_nothing_of_nothing_is_zero():
    assert share(PART, WHOLE).tolist() == [[0.75, 0, 0], [0.5, 0.5, 0.5]]


def test_devkit_counts_a_class_with_nothing_to_measure_and_present_does_not():
    assert mean_over_classes(PART, WHOLE, "devkit").tolist() == [0.25, 0.5]
    assert mean_over_classes(PART, WHOLE, "present").tolist() == [0.375, 0.5]


def test_where_all_classes_are_absent_the_mean_is_zero():
    assert mean_over_classes(np.zeros(3, int), np.zeros(3, int), "present") == 0


def test_other_words_are_refused():
    with pytest.raises(ValueError, match="convention 'nan'"):
        check_convention("nan")
