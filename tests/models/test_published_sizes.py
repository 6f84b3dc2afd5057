"""Parameters and multiply-adds of the published networks, for 21 classes.

Multiply-adds are half of what torch's counter calls operations, counted without computing.
"""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from deeplab.models import (
    ASPPConfig,
    DeepLab,
    LargeFOVConfig,
    LinearConfig,
    ModelConfig,
    build,
)

SCALES = (1, 0.75, 0.5)


def published(
    backbone: str,
    head: ASPPConfig | LargeFOVConfig | LinearConfig,
    *,
    scales: tuple[float, ...] = (1,),
    num_classes: int = 21,
) -> DeepLab:
    config = ModelConfig(
        backbone=backbone,
        output_stride=8,
        head=head,
        scales=scales,
        num_classes=num_classes,
        init="random",
    )
    with torch.device("meta"):
        return build(config).eval()


def giga_multiply_adds(network: DeepLab, side: int) -> float:
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        network(torch.zeros(1, 3, side, side, device="meta"))
    return counter.get_total_flops() / 2e9


def num_parameters(network: DeepLab) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_vgg_with_largefov():
    network = published("vgg16", LargeFOVConfig())
    assert num_parameters(network) == 20_505_429
    assert giga_multiply_adds(network, 321) == pytest.approx(50.9, abs=0.05)
    assert giga_multiply_adds(network, 513) == pytest.approx(128.6, abs=0.05)


@pytest.mark.parametrize("rates", [(6, 12, 18, 24), (2, 4, 8, 12)])
def test_vgg_with_aspp(rates):
    network = published("vgg16", ASPPConfig(rates=rates, hidden_channels=1024))
    assert num_parameters(network) == 37_877_652
    assert giga_multiply_adds(network, 321) == pytest.approx(80.1, abs=0.05)
    assert giga_multiply_adds(network, 513) == pytest.approx(202.0, abs=0.05)


def test_resnet_with_aspp_at_one_scale_and_at_three():
    network = published("resnet101", ASPPConfig(), scales=SCALES)
    assert num_parameters(network) == 44_048_532
    assert sum(buffer.numel() for buffer in network.buffers() if buffer.ndim) == 105_344
    assert giga_multiply_adds(network, 321) == pytest.approx(137.8, abs=0.05)
    assert giga_multiply_adds(network, 513) == pytest.approx(344.9, abs=0.05)
    network.multi_scale = None
    assert giga_multiply_adds(network, 321) == pytest.approx(75.1, abs=0.05)
    assert giga_multiply_adds(network, 513) == pytest.approx(188.9, abs=0.05)


@pytest.mark.parametrize(
    ("head", "num_classes", "expected"),
    [
        (LinearConfig(), 21, 42_543_189),
        (ASPPConfig(rates=(12,)), 21, 42_887_253),
        (ASPPConfig(), 7, 43_016_284),
        (ASPPConfig(), 19, 43_901_068),
        (ASPPConfig(), 60, 46_924_080),
    ],
)
def test_parameters_of_resnets_with_other_heads_and_classes(head, num_classes, expected):
    network = published("resnet101", head, num_classes=num_classes)
    assert num_parameters(network) == expected


def test_a_batch_norm_has_two_parameters_and_two_statistics_for_each_channel():
    backbone = published("resnet101", LinearConfig()).backbone
    norms = [one for name, one in backbone.named_parameters() if ".norm." in name]
    assert sum(one.numel() for one in norms) == 105_344
    assert sum(one.numel() for one in backbone.parameters()) == 42_500_160
