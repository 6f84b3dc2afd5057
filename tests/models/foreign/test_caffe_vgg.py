"""The authors' VGG-16 through `.caffemodel` files, against plain functions on the blobs."""

import numpy as np
import pytest
import torch
from tests.models.foreign.caffemodel_writer import Layer, write_caffemodel
from torch import Tensor
from torch.nn import functional

from deeplab.models import ASPPConfig, LargeFOVConfig, load_checkpoint

STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
POOL_5A = {
    "pool5": Layer("Pooling", settings={"pool": 0}),
    "pool5a": Layer("Pooling", settings={"pool": 1}),
}


def conv(random, out_channels: int, in_channels: int, size: int) -> Layer:
    scale = np.float32(np.sqrt(2 / (in_channels * size**2)))
    weight = random.standard_normal((out_channels, in_channels, size, size), np.float32) * scale
    return Layer("Convolution", [weight, random.standard_normal(out_channels, np.float32)])


@pytest.fixture(scope="module")
def backbone() -> dict[str, Layer]:
    random = np.random.default_rng(0)
    layers, channels = {}, 3
    for stage, (width, count) in enumerate(STAGES, 1):
        for place in range(1, count + 1):
            layers[f"conv{stage}_{place}"] = conv(random, width, channels, 3)
            channels = width
    return layers


def branch(suffix: str, *, hidden: int = 8, size: int = 3, classes: int = 21) -> dict[str, Layer]:
    random = np.random.default_rng(len(suffix) + hidden)
    end = f"_{suffix}" if suffix else ""
    return {
        f"fc6{end}": conv(random, hidden, 512, size),
        f"fc7{end}": conv(random, hidden, hidden, 1),
        f"fc8_voc12{end}": conv(random, classes, hidden, 1),
    }


def apply(layer: Layer, x: Tensor, rate: int = 1) -> Tensor:
    weight, bias = map(torch.tensor, layer.blobs)
    padding = rate * (weight.shape[-1] - 1) // 2
    return functional.conv2d(x, weight, bias, padding=padding, dilation=rate)


def features(layers: dict[str, Layer], x: Tensor) -> Tensor:
    """The released prototxt up to pool5."""
    for stage, (_, count) in enumerate(STAGES, 1):
        for place in range(1, count + 1):
            x = apply(layers[f"conv{stage}_{place}"], x, 2 if stage == 5 else 1).relu()
        x = functional.max_pool2d(x, 3, 2 if stage < 4 else 1, 1, ceil_mode=True)
    return x


def score(layers: dict[str, Layer], x: Tensor, end: str, rate: int) -> Tensor:
    hidden = apply(layers[f"fc6{end}"], x, rate).relu()
    return apply(layers[f"fc8_voc12{end}"], apply(layers[f"fc7{end}"], hidden).relu())


def check(network: torch.nn.Module, picture: Tensor, wanted: Tensor) -> None:
    got = network(picture)
    assert got.shape == wanted.shape
    # two libraries sum some thousand products in different orders
    assert (got - wanted).abs().max() <= 1e-5 * wanted.abs().max()


@pytest.mark.parametrize("size", [(33, 41), (34, 40)])
@pytest.mark.parametrize(("version", "pools", "averages"), [(1, POOL_5A, True), (2, {}, False)])
def test_largefov(tmp_path, backbone, size, version, pools, averages):
    layers = backbone | pools | branch("")
    path = write_caffemodel(tmp_path / "x.caffemodel", layers, version=version)
    checkpoint = load_checkpoint(path)
    assert checkpoint.config.head == LargeFOVConfig(hidden_channels=8, average_pool=averages)
    picture = 50 * torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    x = features(layers, picture)
    if averages:  # Caffe divides by the whole window, zeros outside included
        x = functional.avg_pool2d(x, 3, 1, 1)
    check(checkpoint.network, picture, score(layers, x, "", 12))


def test_aspp_adds_four_branches(tmp_path, backbone):
    layers = dict(backbone)
    for number in range(1, 5):
        layers |= branch(str(number), hidden=7)
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
    assert checkpoint.config.head == ASPPConfig(hidden_channels=7, dropout=0.5)
    picture = 50 * torch.randn(1, 3, 41, 33, generator=torch.Generator().manual_seed(0))
    x = features(layers, picture)
    rates = (6, 12, 18, 24)
    wanted = sum(score(layers, x, f"_{number}", rates[number - 1]) for number in range(1, 5))
    check(checkpoint.network, picture, wanted)


@pytest.mark.parametrize(("size", "rate"), [(4, 4), (7, 4)])
def test_other_fields_of_view(tmp_path, backbone, size, rate):
    layers = backbone | branch("", size=size)
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
    head = checkpoint.config.head
    assert (head.kernel_size, head.rate, head.average_pool) == (size, rate, False)
    picture = 50 * torch.randn(1, 3, 33, 33, generator=torch.Generator().manual_seed(0))
    check(checkpoint.network, picture, score(layers, features(layers, picture), "", rate))


def test_imagenets_inner_products_become_convolutions(tmp_path, backbone):
    random = np.random.default_rng(3)
    fc6 = random.standard_normal((4, 512 * 49), np.float32)
    fc7 = random.standard_normal((4, 4), np.float32)
    fc8 = random.standard_normal((10, 4), np.float32)
    layers = backbone | {
        name: Layer("InnerProduct", [weight, np.zeros(len(weight), np.float32)])
        for name, weight in (("fc6", fc6), ("fc7", fc7), ("fc8", fc8))
    }
    path = write_caffemodel(tmp_path / "vgg.caffemodel", layers, version=1)
    head = load_checkpoint(path).network.head
    np.testing.assert_array_equal(head.fc6.weight, fc6.reshape(4, 512, 7, 7))
    np.testing.assert_array_equal(head.fc8.weight[..., 0, 0], fc8)


def test_a_start_without_a_classifier_gets_a_random_one_and_says_so(tmp_path, backbone):
    layers = backbone | branch("")
    del layers["fc8_voc12"]
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "init.caffemodel", layers))
    assert "no fc8 in the file" in str(checkpoint.card.provenance)
    np.testing.assert_array_equal(checkpoint.network.head.fc7.weight, layers["fc7"].blobs[0])
