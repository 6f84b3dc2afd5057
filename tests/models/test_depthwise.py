import pytest
import torch
from torch import nn

from deeplab.models.depthwise import DepthwiseConv2d, is_depthwise, speed_up_depthwise

SETTINGS = [
    (3, 1, 1, 1),
    (3, 2, 1, 1),
    (5, 1, 4, 2),
    (5, 2, 2, 1),
    (3, 2, 2, 2),
    (5, 1, 1, 1),
    (3, 1, 0, 1),
]


def _pair(kernel: int, stride: int, padding: int, rate: int) -> tuple[nn.Conv2d, DepthwiseConv2d]:
    torch.manual_seed(0)
    plain = nn.Conv2d(4, 4, kernel, stride, padding, rate, groups=4, bias=False).double()
    return plain, DepthwiseConv2d.from_conv(plain)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("size", [(17, 17), (16, 13), (9, 20)])
def test_gradients_equal_those_of_the_plain_convolution(
    settings: tuple[int, int, int, int], size: tuple[int, int]
) -> None:
    plain, fast = _pair(*settings)
    gradients = []
    for conv in (plain, fast):
        pictures = torch.linspace(-1, 1, 2 * 4 * size[0] * size[1], dtype=torch.float64)
        pictures = pictures.sin().mul(50).cos().view(2, 4, *size).requires_grad_()
        scores = conv(pictures)
        (scores * scores.detach().cos()).sum().backward()
        gradients.append((scores.detach(), pictures.grad, conv.weight.grad.clone()))
        plain.weight.grad = None
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_gradients_pass_a_numerical_check() -> None:
    _, fast = _pair(3, 2, 1, 1)
    pictures = torch.rand(2, 4, 6, 7, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: fast(x), (pictures,))


def test_only_plain_depthwise_convolutions_are_replaced() -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, groups=4, bias=False), nn.Conv2d(4, 8, 1), nn.Conv2d(8, 8, 3, groups=2)
    )
    names = list(network.state_dict())
    speed_up_depthwise(network)
    assert [isinstance(child, DepthwiseConv2d) for child in network] == [True, False, False]
    assert list(network.state_dict()) == names
    assert not is_depthwise(network[0])


def test_padding_beyond_the_filter_is_left_to_torch():
    assert is_depthwise(nn.Conv2d(4, 4, 3, padding=2, groups=4, bias=False))
    assert not is_depthwise(nn.Conv2d(4, 4, 3, padding=3, groups=4, bias=False))
