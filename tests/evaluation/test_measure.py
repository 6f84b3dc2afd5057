import numpy as np

from deeplab.evaluation import PictureResult
from deeplab.evaluation.measure import add_states


def test_what_is_void_is_not_scored_whatever_label_stands_for_it():
    truth = np.array([[0, 255, 65535]], np.uint16)
    narrow = PictureResult("p", truth, truth)
    assert narrow.is_scored.tolist() == [[True, False, True]]
    wide = PictureResult("p", truth, truth, void=65535)
    assert wide.is_scored.tolist() == [[True, True, False]]


def test_states_are_added_name_by_name_and_integers_stay_integers():
    one = {"a": np.array([2**53 + 1]), "b": np.array([0.5])}
    other = {"a": np.array([2]), "b": np.array([0.25])}
    summed = add_states(one, other)
    assert summed["a"].tolist() == [2**53 + 3]
    assert summed["b"].tolist() == [0.75]
