import copy

import pytest
import torch
from torch import Tensor, nn

from deeplab.models import fold_norms, folded_once
from deeplab.models.normed import NormedConv2d


def network() -> nn.Sequential:
    """Two layers whose batch norms have seen something, in evaluation mode."""
    torch.manual_seed(0)
    layers = [NormedConv2d(3, 4, 3, padding=1), nn.ReLU(), NormedConv2d(4, 2, 1, padding=0)]
    for layer in layers[::2]:
        for values in (layer.norm.weight, layer.norm.bias, layer.norm.running_mean):
            nn.init.normal_(values)
        nn.init.uniform_(layer.norm.running_var, 0.5, 2)
    return nn.Sequential(*layers).double().eval()


def pictures() -> Tensor:
    return torch.randn(2, 3, 5, 6, generator=torch.Generator().manual_seed(1)).double()


def separately(layers: nn.Sequential, values: Tensor) -> Tensor:
    """Convolve, then normalise."""
    for layer in layers:
        if isinstance(layer, NormedConv2d):
            convolved = nn.functional.conv2d(values, layer.weight, padding=layer.padding)
            values = layer.norm(convolved)
        else:
            values = layer(values)
    return values


@pytest.mark.parametrize("is_training", [False, True])
def test_scores_are_those_of_convolution_and_batch_norm(is_training):
    layers = network().train(is_training)
    expected = separately(copy.deepcopy(layers), pictures())
    torch.testing.assert_close(layers(pictures()), expected)


def gradients(layers: nn.Sequential) -> dict[str, Tensor | None]:
    return {name: one.grad for name, one in layers.named_parameters()}


@pytest.mark.parametrize("norms_learn", [False, True])
def test_gradients_of_several_passes_arrive_when_filters_are_folded_once(norms_learn):
    once, plain = network(), network()
    for layers in (once, plain):
        for layer in layers[::2]:
            layer.norm.requires_grad_(norms_learn)
    for scale in (1.0, 3.0):
        separately(plain, scale * pictures()).square().sum().backward()
    with folded_once(once):
        for scale in (1.0, 3.0):
            once(scale * pictures()).square().sum().backward()
        assert all(one is None for one in gradients(once).values())
    torch.testing.assert_close(gradients(once), gradients(plain))


def test_filters_are_folded_anew_behind_it():
    layers = network()
    with folded_once(layers):
        layers(pictures()).sum().backward()
    with torch.no_grad():
        layers[0].weight.zero_()
    torch.testing.assert_close(layers(pictures()), separately(layers, pictures()))


def test_an_error_leaves_neither_gradients_nor_folded_filters():
    layers = network()

    def fail() -> None:
        with folded_once(layers):
            layers(pictures()).sum().backward()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert all(one is None for one in gradients(layers).values())
    assert layers[0].kept is None


def test_batch_norms_that_learn_their_statistics_are_left_alone():
    once, plain = network().train(), network().train()
    with folded_once(once):
        found = once(pictures())
    torch.testing.assert_close(found, plain(pictures()))
    torch.testing.assert_close(once.state_dict(), plain.state_dict())


def test_a_folded_network_scores_the_same_without_batch_norms():
    layers = network()
    expected = layers(pictures())
    fold_norms(layers)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers.modules())
    torch.testing.assert_close(layers(pictures()), expected)
