import numpy as np
import pytest

from deeplab.data import Sample
from deeplab.data.measure import measure_bands


@pytest.fixture
def pictures(tmp_path):
    random = np.random.default_rng(0)
    for number in range(3):
        values = random.integers(0, 200, (5 + number, 4, 4), dtype=np.uint8)
        values[..., 3] = 7
        np.save(tmp_path / f"{number}.npy", values)
    return [Sample(str(number), tmp_path / f"{number}.npy", None) for number in range(3)]


def test_mean_and_deviation_are_those_of_all_pixels_together(pictures):
    mean, std = measure_bands(pictures, 4)
    pixels = np.concatenate([one.read_picture(4).reshape(-1, 4) for one in pictures]).astype(float)
    np.testing.assert_allclose(mean, pixels.mean(axis=0), atol=1e-4)  # four digits are kept
    np.testing.assert_allclose(std[:3], pixels.std(axis=0)[:3], atol=1e-4)
    assert std[3] == 1  # all alike: dividing by it has to work


def test_pictures_of_other_bands_are_named(pictures):
    with pytest.raises(ValueError, match=r"0\.npy: 4 bands, but 6 are wanted"):
        measure_bands(pictures, 6)
