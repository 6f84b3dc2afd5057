import copy

import pytest
import torch
from torch import Tensor, nn

from deeplab.models import (
    ASPPConfig,
    DeepLab,
    LargeFOVConfig,
    ModelConfig,
    build,
    recompute_activations,
)
from deeplab.training.config import TrainConfig
from deeplab.training.optim import prepare_batch_norm, set_training


def small_resnet() -> DeepLab:
    config = ModelConfig(
        backbone="resnet50",
        output_stride=8,
        head=ASPPConfig(rates=(1, 2), dropout=0.5),
        scales=(1, 0.5),
        num_classes=3,
        init="random",
    )
    return made(config)


def small_vgg() -> DeepLab:
    head = LargeFOVConfig(rate=2, hidden_channels=16)
    return made(ModelConfig(backbone="vgg16", output_stride=8, head=head, init="random"))


def made(config: ModelConfig) -> DeepLab:
    torch.manual_seed(0)
    return build(config)


def gradients(network: DeepLab) -> dict[str, Tensor]:
    pictures = torch.randn(2, 3, 33, 41, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(2)  # of dropout
    sum(scores.square().mean() for scores in network.score_scales(pictures)).backward()
    found = network.named_parameters()
    return {name: one.grad for name, one in found if one.grad is not None}


@pytest.mark.parametrize("batch_norm", ["frozen", "slow"])
def test_gradients_and_statistics_of_a_resnet_are_the_same(batch_norm):
    network = small_resnet()
    config = TrainConfig(batch_norm=batch_norm)
    prepare_batch_norm(network, config)
    set_training(network, config)
    other = copy.deepcopy(network)
    recompute_activations(other)
    torch.testing.assert_close(gradients(other), gradients(network), rtol=0, atol=0)
    torch.testing.assert_close(other.state_dict(), network.state_dict(), rtol=0, atol=0)


def test_gradients_of_a_vgg_are_the_same_with_the_same_dropout():
    network = small_vgg().train()
    other = copy.deepcopy(network)
    recompute_activations(other)
    torch.testing.assert_close(gradients(other), gradients(network), rtol=0, atol=0)


def num_runs(network: DeepLab, layer: nn.Module) -> int:
    """Count how often a layer runs in a forward and a backward pass."""
    calls = []
    handle = layer.register_forward_hook(lambda *_: calls.append(1))
    gradients(network)
    handle.remove()
    return len(calls)


def test_in_evaluation_nothing_is_computed_twice():
    network = small_vgg()
    recompute_activations(network)
    for layer in (network.backbone.layers.conv3_1, network.head.fc7):
        assert num_runs(network.train(), layer) == 2
        assert num_runs(network.eval(), layer) == 1


def test_what_is_kept_for_the_way_back_is_a_fraction():
    network = small_resnet()
    set_training(network, TrainConfig())
    sizes = [kept_values(network)]
    recompute_activations(network)
    sizes.append(kept_values(network))
    assert sizes[1] < 0.3 * sizes[0]


def kept_values(network: DeepLab) -> int:
    kept = {}

    def note(value: Tensor) -> Tensor:
        if not isinstance(value, nn.Parameter):
            kept[value.data_ptr()] = value.numel()
        return value

    with torch.autograd.graph.saved_tensors_hooks(note, lambda value: value):
        scores = network.score_scales(torch.zeros(1, 3, 65, 65))
    assert scores[0].requires_grad
    return sum(kept.values())


def test_other_backbones_are_refused():
    network = made(ModelConfig(backbone="test_efficientnet", init="random"))
    with pytest.raises(ValueError, match="for the backbones vgg16, resnet50"):
        recompute_activations(network)
