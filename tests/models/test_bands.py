import pytest
import torch
from torch.nn import functional

from deeplab.models.bands import fit_bands


@pytest.mark.parametrize(("old", "new"), [(3, 1), (3, 4), (3, 6), (4, 3)])
def test_equal_bands_are_answered_as_before(old, new):
    torch.manual_seed(0)
    weights = {"stem.weight": torch.randn(8, old, 3, 3)}
    fitted = fit_bands(weights, {"stem.weight": torch.empty(8, new, 3, 3)}, new)
    grey = torch.randn(1, 1, 9, 9)
    before = functional.conv2d(grey.expand(-1, old, -1, -1), weights["stem.weight"])
    after = functional.conv2d(grey.expand(-1, new, -1, -1), fitted["stem.weight"])
    torch.testing.assert_close(after, before, rtol=1e-4, atol=1e-5)  # float32 sums in another order


def test_one_band_has_the_sum_over_red_green_and_blue():
    torch.manual_seed(0)
    weight = torch.randn(8, 3, 3, 3)
    fitted = fit_bands({"stem": weight}, {"stem": torch.empty(8, 1, 3, 3)}, 1)["stem"]
    torch.testing.assert_close(fitted, weight.sum(dim=1, keepdim=True))


def test_nothing_but_the_first_layer_is_changed():
    weights = {"stem": torch.ones(8, 3, 3, 3), "wide": torch.ones(8, 5, 1, 1), "x": torch.ones(3)}
    wanted = {"stem": torch.ones(8, 3, 3, 3), "wide": torch.ones(8, 7, 1, 1), "x": torch.ones(4)}
    fitted = fit_bands(weights, wanted, 3)
    assert all(fitted[name] is weights[name] for name in weights)
