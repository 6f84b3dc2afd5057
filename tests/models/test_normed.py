import pytest
import torch
from torch import nn

from deeplab.models import fold_norms, folded_once
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


def two_layers() -> nn.Sequential:
    last = layer()
    last.weight = nn.Parameter(torch.ones(4, 4, 1, 1, dtype=torch.float64))
    last.padding = (0, 0)
    return nn.Sequential(layer(), nn.ReLU(), last).eval()


def gradients(network: nn.Module) -> dict[str, torch.Tensor | None]:
    return {name: one.grad for name, one in network.named_parameters()}


def two_passes(network: nn.Module) -> None:
    for scale in (1.0, 3.0):
        network(scale * picture()).square().sum().backward()


@pytest.mark.parametrize("norms_learn", [False, True])
def test_gradients_of_several_passes_arrive_when_filters_are_folded_once(norms_learn):
    once, plain = two_layers(), two_layers()
    for made in (*once[::2], *plain[::2]):
        made.norm.requires_grad_(norms_learn)
    two_passes(plain)
    with folded_once(once):
        two_passes(once)
        assert all(one is None for one in gradients(once).values())
    torch.testing.assert_close(gradients(once), gradients(plain))


def test_filters_that_do_not_learn_may_be_folded_once():
    network = two_layers().requires_grad_(False)
    network[2].weight.requires_grad_(True)
    with folded_once(network):
        two_passes(network)
    assert [name for name, one in gradients(network).items() if one is not None] == ["2.weight"]


def test_filters_are_folded_anew_behind_it():
    network = two_layers()
    with folded_once(network):
        before = network(picture())
    with torch.no_grad():
        network[0].weight.mul_(2)
    assert not torch.allclose(network(picture()), before)


def test_an_error_leaves_neither_gradients_nor_folded_filters():
    network = two_layers()

    def fail() -> None:
        with folded_once(network):
            two_passes(network)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert all(one is None for one in gradients(network).values())
    assert network[0].kept is None


def test_batch_norms_that_learn_their_statistics_are_not_folded():
    once, plain = layer().train(), layer().train()
    with folded_once(once):
        found = once(picture())
    torch.testing.assert_close(found, plain(picture()))
    torch.testing.assert_close(once.state_dict(), plain.state_dict())
