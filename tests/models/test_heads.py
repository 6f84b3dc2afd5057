import torch
from torch.nn import functional

from deeplab.models import ASPP, LargeFOV


def features(channels: int = 5) -> torch.Tensor:
    return torch.randn(2, channels, 13, 17, generator=torch.Generator().manual_seed(0))


def test_aspp_is_the_sum_of_its_branches():
    head = ASPP(5, 3, rates=(1, 2, 4)).eval()
    total = sum(
        functional.conv2d(features(), branch.weight, branch.bias, padding=rate, dilation=rate)
        for branch, rate in zip(head.branches, (1, 2, 4), strict=True)
    )
    torch.testing.assert_close(head(features()), total)


def test_aspp_of_rate_1_is_a_plain_convolution():
    head = ASPP(5, 3, rates=(1,)).eval()
    branch = head.branches[0]
    plain = functional.conv2d(features(), branch.weight, branch.bias, padding=1)
    torch.testing.assert_close(head(features()), plain)


def test_aspp_has_the_published_number_of_parameters():
    head = ASPP(2048, 21, rates=(6, 12, 18, 24))
    assert sum(parameter.numel() for parameter in head.parameters()) == 1_548_372


def test_dropout_of_aspp_acts_in_training_only():
    head = ASPP(5, 3, rates=(1, 2), dropout=0.5)
    torch.manual_seed(0)
    assert not torch.equal(head.train()(features()), head(features()))
    assert torch.equal(head.eval()(features()), head(features()))


def test_largefov_has_the_published_number_of_parameters():
    head = LargeFOV(512, 21, rate=12, hidden_channels=1024)
    fc6, fc7, fc8 = 512 * 1024 * 9 + 1024, 1024 * 1024 + 1024, 1024 * 21 + 21
    assert sum(parameter.numel() for parameter in head.parameters()) == fc6 + fc7 + fc8


def test_a_score_of_largefov_sees_its_own_position_and_those_one_rate_away():
    head = LargeFOV(1, 2, rate=3, hidden_channels=4, dropout=0.0).double()
    torch.manual_seed(0)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    picture = torch.randn(1, 1, 13, 13, dtype=torch.float64, requires_grad=True)
    head(picture)[0, :, 6, 6].sum().backward()
    seen = {tuple(place) for place in picture.grad[0, 0].nonzero().tolist()}
    assert seen <= {(row, column) for row in (3, 6, 9) for column in (3, 6, 9)}
    assert len(seen) > 1


def test_heads_keep_the_feature_grid():
    for head in (ASPP(5, 4, rates=(2, 3)), LargeFOV(5, 4, rate=2, hidden_channels=6)):
        assert head(features()).shape == (2, 4, 13, 17)
