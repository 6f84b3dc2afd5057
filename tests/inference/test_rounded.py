import torch
from torch import nn

from deeplab.inference.rounded import round_to_bfloat16


def test_one_convolution_is_that_of_bfloat16():
    torch.manual_seed(0)
    conv = nn.Conv2d(8, 4, 3).eval()
    picture = torch.randn(1, 8, 9, 9)
    with torch.no_grad():
        wanted = conv.bfloat16()(picture.bfloat16()).float()
        rounded = conv.float()
        round_to_bfloat16(rounded)
        found = rounded(picture)
    # Sums of 72 products in another order may be rounded to the neighbour, 2^-8 away.
    torch.testing.assert_close(found, wanted, rtol=2**-7, atol=1e-3)
    assert torch.equal(found, found.bfloat16().float())


def test_what_bfloat16_can_hold_stays_as_it_is():
    conv = nn.Conv2d(1, 1, 1, bias=False)
    with torch.no_grad():
        conv.weight.fill_(0.5)
        round_to_bfloat16(conv)
        assert torch.equal(conv(torch.full((1, 1, 2, 2), 3.0)), torch.full((1, 1, 2, 2), 1.5))
