"""A ResNet-50 with DeepLab v2's classifier, computed from plain tensors, to check importers with.

Nothing of ours is used: it is written after the code of those whose files are read. `Weights` holds
the tensors by stage (1..4), block and layer (1, 2, 3, "short"); naming functions tell what others
call them.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

BLOCKS = (3, 4, 6, 3)
Place = tuple[int, int, int | str]
Norm = dict[str, Tensor]
Weights = dict[Place | str, tuple[Tensor, Norm]]
Naming = Callable[[Place | str], tuple[str, str]]
"""From a place to the name of its filter and the beginning of the names of its batch norm."""


def random_weights(seed: int = 0, *, deep_stem: bool = False) -> Weights:
    """Make weights under which values neither vanish nor explode."""
    source = torch.Generator().manual_seed(seed)
    weights: Weights = {}
    stem = {"stem": (64, 3, 7)}
    if deep_stem:
        stem = {"stem0": (32, 3, 3), "stem1": (32, 32, 3), "stem2": (64, 32, 3)}
    for name, (out_channels, in_channels, size) in stem.items():
        weights[name] = _layer(source, out_channels, in_channels, size)
    channels = 64
    for stage, num_blocks in enumerate(BLOCKS, 1):
        width = 32 * 2**stage
        for block in range(num_blocks):
            weights[stage, block, 1] = _layer(source, width, channels, 1)
            weights[stage, block, 2] = _layer(source, width, width, 3)
            weights[stage, block, 3] = _layer(source, 4 * width, width, 1)
            if block == 0:
                weights[stage, block, "short"] = _layer(source, 4 * width, channels, 1)
            channels = 4 * width
    return weights


def random_filters(
    num_branches: int, num_classes: int, *, size: int = 3, channels: int = 2048, seed: int = 1
) -> list[tuple[Tensor, Tensor]]:
    """Make last layers: pairs of filters (classes, channels, size, size) and biases."""
    source = torch.Generator().manual_seed(seed)
    return [
        (
            torch.randn(num_classes, channels, size, size, generator=source) * 0.02,
            torch.randn(num_classes, generator=source),
        )
        for _ in range(num_branches)
    ]


def named(weights: Weights, naming: Naming) -> dict[str, Tensor]:
    """Give the tensors of a ResNet the names that others give them."""
    tensors: dict[str, Tensor] = {}
    for place, (filters, norm) in weights.items():
        conv_name, norm_name = naming(place)
        tensors[f"{conv_name}.weight"] = filters
        tensors |= {f"{norm_name}.{kind}": value for kind, value in norm.items()}
    return tensors


def torchvision_naming(place: Place | str) -> tuple[str, str]:
    """Name layers as torchvision does, and mmseg."""
    if isinstance(place, str):
        number = place.removeprefix("stem")
        deep = f"stem.{3 * int(number or 0)}", f"stem.{3 * int(number or 0) + 1}"
        return deep if number else ("conv1", "bn1")
    stage, block, layer = place
    start = f"layer{stage}.{block}"
    if layer == "short":
        return f"{start}.downsample.0", f"{start}.downsample.1"
    return f"{start}.conv{layer}", f"{start}.bn{layer}"


def features(
    weights: Weights, pictures: Tensor, *, stride_first: bool = True, ceil_mode: bool = True
) -> Tensor:
    """Extract features at output stride 8.

    Args:
        weights: Of the ResNet.
        pictures: (N, 3, H, W).
        stride_first: Strides are in the first filter of a block, and all blocks of a stage have its
            rate (Caffe); else in the second, and the first block has the rate of the stage before.
        ceil_mode: The pool rounds up.
    """
    values = pictures
    if "stem" in weights:
        values = _conv(values, weights["stem"], stride=2).relu()
    else:
        for number in range(3):
            stride = 2 if number == 0 else 1
            values = _conv(values, weights[f"stem{number}"], stride=stride).relu()
    values = functional.max_pool2d(values, 3, 2, 1, ceil_mode=ceil_mode)
    for stage, num_blocks in enumerate(BLOCKS, 1):
        for block in range(num_blocks):
            values = _block(weights, values, stage, block, stride_first)
    return values


def aspp(values: Tensor, filters: list[tuple[Tensor, Tensor]], rates: tuple[int, ...]) -> Tensor:
    """Add the scores of several rates."""
    return sum(
        functional.conv2d(values, weight, bias, padding=rate, dilation=rate)
        for (weight, bias), rate in zip(filters, rates, strict=True)
    )


def picture(height: int, width: int) -> Tensor:
    """Make a noise picture (1, 3, H, W)."""
    return torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(7))


def assert_same(ours: Tensor, theirs: Tensor) -> None:
    """Compare class scores: folded batch norms and another order of sums make some 1e-6."""
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 2e-5 * theirs.abs().max()


def _layer(
    source: torch.Generator, out_channels: int, in_channels: int, size: int
) -> tuple[Tensor, Norm]:
    spread = (in_channels * size * size) ** -0.5
    filters = torch.randn(out_channels, in_channels, size, size, generator=source) * spread
    norm = {
        "weight": torch.rand(out_channels, generator=source) + 0.5,
        "bias": torch.randn(out_channels, generator=source) * 0.1,
        "running_mean": torch.randn(out_channels, generator=source) * 0.1,
        "running_var": torch.rand(out_channels, generator=source) + 0.5,
    }
    return filters, norm


def _conv(values: Tensor, layer: tuple[Tensor, Norm], *, stride: int = 1, rate: int = 1) -> Tensor:
    filters, norm = layer
    padding = rate * (filters.shape[-1] // 2)
    values = functional.conv2d(values, filters, stride=stride, padding=padding, dilation=rate)
    statistics = norm["running_mean"], norm["running_var"]
    return functional.batch_norm(values, *statistics, norm["weight"], norm["bias"])


def _block(weights: Weights, values: Tensor, stage: int, block: int, stride_first: bool) -> Tensor:
    stride = 2 if stage == 2 and block == 0 else 1
    rate = {1: 1, 2: 1, 3: 2, 4: 4}[stage]
    if not stride_first and block == 0 and rate > 1:
        rate //= 2
    first, second = (stride, 1) if stride_first else (1, stride)
    hidden = _conv(values, weights[stage, block, 1], stride=first).relu()
    hidden = _conv(hidden, weights[stage, block, 2], stride=second, rate=rate).relu()
    hidden = _conv(hidden, weights[stage, block, 3])
    if block == 0:
        values = _conv(values, weights[stage, block, "short"], stride=stride)
    return (hidden + values).relu()
