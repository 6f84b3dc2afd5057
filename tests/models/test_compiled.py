"""The paper's networks go whole through torch.compile and torch.export, for any size."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.export import Dim

from deeplab.models import (
    ASPPConfig,
    DeepLab,
    LargeFOVConfig,
    ModelConfig,
    build,
    recompute_activations,
)
from deeplab.training.config import TrainConfig
from deeplab.training.optim import set_training

CONFIGS = {
    "resnet50": ModelConfig(
        backbone="resnet50",
        output_stride=8,
        head=ASPPConfig(rates=(2, 6)),
        scales=(1, 0.75, 0.5),
        num_classes=3,
        init="random",
    ),
    "vgg16": ModelConfig(
        backbone="vgg16",
        output_stride=8,
        head=LargeFOVConfig(hidden_channels=16, dropout=0.0),
        num_classes=3,
        init="random",
    ),
}
SIZES = ((33, 33), (32, 40), (41, 58))  # 8 k + 1, even, and neither


@pytest.fixture(scope="module", params=["vgg16", pytest.param("resnet50", marks=pytest.mark.slow)])
def network(request) -> Iterator[DeepLab]:
    torch.manual_seed(0)
    yield build(CONFIGS[request.param]).eval()
    torch._dynamo.reset()


def pictures(size: tuple[int, int]) -> Tensor:
    return torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(1))


def test_an_exported_network_takes_any_size(network):
    least = 17  # smaller ones have a single row of scores at half the size
    sizes = {2: Dim("h", min=least), 3: Dim("w", min=least)}
    with torch.no_grad():
        exported = torch.export.export(network, (pictures((65, 74)),), dynamic_shapes=(sizes,))
        for size in (*SIZES, (17, 100)):
            # ASPP is computed in another way; pools are the same
            torch.testing.assert_close(
                exported.module()(pictures(size)), network(pictures(size)), rtol=1e-4, atol=1e-4
            )


def test_a_compiled_network_takes_several_sizes(network):
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    with torch.no_grad():
        for size in SIZES:
            torch.testing.assert_close(compiled(pictures(size)), network(pictures(size)))


@pytest.mark.parametrize("recomputes", [False, True])
@pytest.mark.parametrize("name", ["vgg16", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_a_compiled_network_has_the_same_gradients(name, recomputes):
    torch.manual_seed(0)
    network = build(CONFIGS[name]).double()
    set_training(network, TrainConfig())  # batch norms stay
    if recomputes:
        recompute_activations(network)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    gradients = []
    for form in (network, compiled):
        form(pictures(SIZES[0]).double()).square().sum().backward()
        gradients.append([one.grad for one in network.parameters()])
        network.zero_grad()
    torch._dynamo.reset()
    torch.testing.assert_close(*gradients)
