import pytest
import torch

from deeplab.preprocessing import IMAGENET_STATISTICS, UNIT_RANGE, Preprocessing


@pytest.mark.parametrize("usual", [UNIT_RANGE, IMAGENET_STATISTICS])
def test_other_bands_get_mean_0_and_the_spread_of_photographs(usual):
    ours = usual.for_bands((10.0, 200.0), (4.0, 40.0))
    values = torch.tensor([[[[10.0, 14.0]], [[200.0, 240.0]]]])
    spread = IMAGENET_STATISTICS.std_255[1] / usual.std_255[1]
    # 1 % : the three colours have somewhat different spreads, of which the mean counts
    expected = torch.tensor([[[[0.0, spread]], [[0.0, spread]]]])
    torch.testing.assert_close(ours.apply(values), expected, rtol=0.02, atol=1e-6)


def test_bgr_is_turned_after_the_mean_is_subtracted():
    bgr = Preprocessing((1.0, 2.0, 3.0), (1.0, 1.0, 1.0), "bgr")
    pixel = torch.tensor([11.0, 22.0, 33.0]).view(1, 3, 1, 1)
    assert bgr.apply(pixel).flatten().tolist() == [30, 20, 10]
