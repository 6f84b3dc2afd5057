import pytest
import torch
from torch import nn

from deeplab.models import fold_norms
from deeplab.models.normed import NormedConv2d


def layer() -> NormedConv2d:
    torch.manual_seed(0)
    made = NormedConv2d(3, 4, 3, padding=1).double()
    for value in (made.norm.weight, made.norm.bias, made.norm.running_mean):
        nn.init.normal_(value)
    nn.init.uniform_(made.norm.running_var, 0.5, 1.5)
    return made


def picture() -> torch.Tensor:
    return torch.randn(2, 3, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def unfolded(made: NormedConv2d, values: torch.Tensor) -> torch.Tensor:
    return made.norm(nn.functional.conv2d(values, made.weight, None, padding=1))


@pytest.mark.parametrize("is_training", [False, True])
def test_it_is_a_convolution_and_its_batch_norm(is_training):
    made, reference = layer().train(is_training), layer().train(is_training)
    torch.testing.assert_close(made(picture()), unfolded(reference, picture()))
    for name, value in reference.named_buffers():  # statistics are learnt, or stay
        torch.testing.assert_close(made.get_buffer(name), value)


@pytest.mark.parametrize("is_training", [False, True])
def test_gradients_are_those_of_a_convolution_and_its_batch_norm(is_training):
    made, reference = layer().train(is_training), layer().train(is_training)
    one, other = picture().requires_grad_(), picture().requires_grad_()
    made(one).square().sum().backward()
    unfolded(reference, other).square().sum().backward()
    torch.testing.assert_close(one.grad, other.grad)
    for name, parameter in reference.named_parameters():
        torch.testing.assert_close(made.get_parameter(name).grad, parameter.grad)


def test_norms_are_folded_for_good():
    network = nn.Sequential(layer(), nn.ReLU()).eval()
    wanted = network(picture())
    fold_norms(network)
    torch.testing.assert_close(network(picture()), wanted)
    assert type(network[0]) is nn.Conv2d
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
