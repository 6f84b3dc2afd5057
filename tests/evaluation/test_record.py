import dataclasses
from typing import get_args

import numpy as np
import pytest
from tests.evaluation.counted import make_result

from deeplab.evaluation import Evaluation, MeasureName
from deeplab.evaluation.measure import add_states
from deeplab.evaluation.record import MEASURES

measures = pytest.mark.parametrize("name", get_args(MeasureName))


def test_every_measure_has_a_maker_and_a_field():
    fields = {field.name for field in dataclasses.fields(Evaluation)}
    assert set(get_args(MeasureName)) == set(MEASURES) <= fields


def measured(name, seeds):
    measure = MEASURES[name](4, "devkit")
    for seed in seeds:
        measure.add(make_result(seed))
    return measure


@measures
def test_the_state_of_two_pictures_is_the_sum_of_their_states(name):
    both = measured(name, [0, 1]).state()
    summed = add_states(measured(name, [0]).state(), measured(name, [1]).state())
    assert both.keys() == summed.keys()
    for key in both:  # in floats the order of adding shows in the last digits
        np.testing.assert_allclose(both[key], summed[key], rtol=1e-12)


@measures
def test_a_measure_that_is_restored_goes_on_as_if_it_had_never_stopped(name):
    resumed = MEASURES[name](4, "devkit")
    resumed.restore(measured(name, [0, 1]).state())
    resumed.add(make_result(2))
    assert resumed.result() == measured(name, [0, 1, 2]).result()


@measures
def test_a_state_is_not_changed_by_what_is_counted_later(name):
    measure = measured(name, [0])
    state = measure.state()
    before = {key: sums.copy() for key, sums in state.items()}
    measure.add(make_result(1))
    for key, sums in before.items():
        np.testing.assert_array_equal(state[key], sums)
