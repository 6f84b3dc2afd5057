import numpy as np
import pytest

from deeplab.rasters import Reading


def test_a_range_is_stretched_rounded_and_clipped_and_nan_is_dark():
    values = np.array([[[-5.0, 0, 50], [100, 200, np.nan]]])
    found = Reading(value_range=(0, 100)).picture(values, "a")
    np.testing.assert_array_equal(found, [[[0, 0, 128], [255, 255, 0]]])


def test_bands_that_fit_are_all_taken_in_their_order():
    assert Reading(num_bands=5).choose(5, "a") == (0, 1, 2, 3, 4)
    assert Reading(num_bands=3).choose(4, "a") == (0, 1, 2)
    assert Reading(num_bands=3).choose(1, "a") == (0,)
    assert Reading(num_bands=1).choose(3, "a") == (0, 1, 2)
    assert Reading(bands=(4, 3, 2)).choose(8, "a") == (3, 2, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": (1, 2)}, "bands 1,2: the network takes 3"),
        ({"bands": (0, 1, 2)}, "bands 0,1,2: they are counted from 1"),
        ({"value_range": (5, 5)}, "value range 5,5: give the smaller value first"),
    ],
)
def test_what_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Reading(**options)
    with pytest.raises(ValueError, match="a: 3 bands, but band 4 is wanted"):
        Reading(bands=(4, 3, 2)).choose(3, "a")
