import pytest
import torch
from torch.nn import functional

from deeplab.models import ASPP, DeepASPP, LargeFOV, Linear, is_of_classes


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


@pytest.mark.parametrize(
    ("kernel_size", "rate", "reach"), [(7, 4, 12), (4, 4, 6), (4, 8, 12), (3, 12, 12)]
)
def test_fields_of_view_of_table_1_keep_the_grid_and_look_equally_far(kernel_size, rate, reach):
    head = LargeFOV(1, 2, kernel_size=kernel_size, rate=rate, hidden_channels=2, dropout=0.0)
    for parameter in head.parameters():
        torch.nn.init.constant_(parameter, 0.1)
    picture = torch.ones(1, 1, 41, 41, requires_grad=True)
    scores = head(picture)
    assert scores.shape[-2:] == (41, 41)
    scores[0, :, 20, 20].sum().backward()
    rows = picture.grad[0, 0].nonzero()[:, 0]
    assert (rows.min(), rows.max()) == (20 - reach, 20 + reach)
    assert len(rows.unique()) == kernel_size


def test_a_filter_without_a_middle_is_refused():
    with pytest.raises(ValueError, match="even rate, or an odd kernel_size"):
        LargeFOV(1, 2, kernel_size=4, rate=3)


def test_pool5a_averages_with_the_zeros_outside():
    """Caffe's AVE pool divides by the whole window."""
    head = LargeFOV(5, 3, rate=2, hidden_channels=4, average_pool=True).eval()
    plain = LargeFOV(5, 3, rate=2, hidden_channels=4).eval()
    plain.load_state_dict(head.state_dict())
    box = torch.full((5, 1, 3, 3), 1 / 9)
    averaged = functional.conv2d(features(), box, padding=1, groups=5)
    torch.testing.assert_close(head(features()), plain(averaged))


def test_deep_aspp_is_the_sum_of_branches_with_layers_of_their_own():
    head = DeepASPP(5, 3, rates=(1, 2), hidden_channels=4).eval()
    expected = 0
    for rate, branch in zip((1, 2), head.branches, strict=True):
        fc6, fc7, fc8 = branch.fc6, branch.fc7, branch.fc8
        hidden = functional.conv2d(
            features(), fc6.weight, fc6.bias, padding=rate, dilation=rate
        ).relu()
        hidden = functional.conv2d(hidden, fc7.weight, fc7.bias).relu()
        expected = expected + functional.conv2d(hidden, fc8.weight, fc8.bias)
    torch.testing.assert_close(head(features()), expected)


@pytest.mark.parametrize(
    "head",
    [
        Linear(5, 3),
        ASPP(5, 3, rates=(1, 2)),
        LargeFOV(5, 3, hidden_channels=4),
        DeepASPP(5, 3, rates=(1, 2), hidden_channels=4),
    ],
)
def test_the_last_layers_are_those_with_a_row_for_each_class(head):
    of_classes = {name for name, one in head.named_parameters() if is_of_classes(f"head.{name}")}
    assert of_classes == {name for name, one in head.named_parameters() if len(one) == 3}


def test_classifiers_start_small():
    torch.manual_seed(0)
    weight = Linear(2048, 21).classifier.weight
    assert weight.std().item() == pytest.approx(0.01, rel=0.02)
    assert not Linear(2048, 21).classifier.bias.any()
