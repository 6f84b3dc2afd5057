import numpy as np
import pytest

from deeplab.export.feature_maps import FeatureMap
from deeplab.export.integers import MapScale, choose_scale, correct_bias, round_filters

ANY = MapScale.of_range(0, 6)
SHAPES = [(5, 8, 1, 1), (5, 7, 3, 3), (5, 1, 3, 3)]


def draw(shape, spread=1.0):
    return np.random.default_rng(0).normal(0, spread, shape).astype(np.float32)


def seen(values, mean_C=(0.0,)):
    return FeatureMap(values.min(), values.max(), np.array(mean_C), values)


@pytest.mark.parametrize(("least", "largest"), [(0, 6), (-3, 5), (-4, -1), (2, 9), (0, 0)])
def test_zero_is_exact_and_both_ends_are_met_by_half_a_step(least, largest):
    scale = MapScale.of_range(least, largest)
    ends = np.array([0, least, largest], np.float32)
    rounded = scale.round(ends)
    assert rounded[0] == 0
    np.testing.assert_allclose(rounded, ends, atol=0.51 * scale.scale)


def test_a_range_that_is_used_evenly_is_kept_whole():
    scale = choose_scale(seen(np.linspace(-2, 3, 5000, dtype=np.float32)))
    assert scale == MapScale.of_range(-2, 3)


def test_what_is_rare_and_far_out_is_cut_off_where_that_makes_less_error():
    values = draw(20_000)
    values[0] = 40
    scale = choose_scale(seen(values))
    whole = MapScale.of_range(values.min(), 40)

    def error(scale):
        return np.square(scale.round(values) - values).mean()

    assert scale.scale < whole.scale
    assert error(scale) < error(whole)


@pytest.mark.parametrize("shape", SHAPES)
def test_products_of_two_neighbours_never_overflow_16_bits(shape):
    filters = round_filters(draw(shape), np.zeros(5, np.float32), ANY).integers.astype(int)
    places = np.moveaxis(filters, 1, -1).reshape(5, -1)
    if shape[1] == 1:  # nothing is added to them in 16 bits
        assert (np.abs(places).max(axis=1) == 127).all()
        return
    for sign in (1, -1):
        reach = 255 * np.maximum(sign * places, 0)
        assert (reach[:, :-1] + reach[:, 1:]).max() < 2**15


def test_a_large_value_without_large_neighbours_has_all_8_bits():
    filters = np.full((1, 8, 1, 1), 0.001, np.float32)
    filters[0, 3] = 1
    assert round_filters(filters, np.zeros(1, np.float32), ANY).integers.max() > 120


@pytest.mark.parametrize("shape", SHAPES)
def test_filters_are_off_by_half_a_step_at_most(shape):
    filters = draw(shape)
    rounded = round_filters(filters, np.zeros(5, np.float32), ANY)
    steps = rounded.scales_M.reshape(-1, 1, 1, 1)
    assert (np.abs(rounded.values - filters) <= 0.5001 * steps).all()


@pytest.mark.parametrize("bias", [0.0, 3e4])
def test_a_bias_fits_into_32_bits_whatever_its_filter(bias):
    filters, bias_M = np.zeros((2, 4, 1, 1), np.float32), np.full(2, bias, np.float32)
    rounded = round_filters(filters, bias_M, ANY)
    assert (bias_M / (rounded.scales_M * ANY.scale) < 2**31).all()
    assert (rounded.integers == 0).all()


@pytest.mark.parametrize(
    ("shape", "groups"), [((6, 8, 1, 1), 1), ((6, 1, 3, 3), 6), ((6, 2, 1, 1), 3)]
)
def test_outputs_keep_their_means(shape, groups):
    filters, bias_M = draw(shape), np.arange(6, dtype=np.float32)
    means = np.abs(draw(shape[1] * groups))
    rounded = round_filters(filters, bias_M, ANY)
    corrected_M = correct_bias(bias_M, filters, rounded, seen(means, means))

    def outputs(filters, bias_M):
        per_group = 6 // groups
        return [
            bias_M[one]
            + (filters[one].sum(axis=(1, 2)) @ means.reshape(groups, -1)[one // per_group])
            for one in range(6)
        ]

    wanted = outputs(filters, bias_M)
    np.testing.assert_allclose(outputs(rounded.values, corrected_M), wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(np.subtract(outputs(rounded.values, bias_M), wanted)).max() > 1e-3
