"""Turn a classification network into a dense feature extractor, without touching its weights.

Reference: DeepLab v2, arXiv 1606.00915, section 3.1. Every layer that would reduce the resolution
below the wanted output stride keeps it (stride 1), and every filter behind it is spread by the
reduction that no longer happens: where the layer used to see its input at stride s, it now sees it
at the output stride o and samples it with rate s / o. At every (s / o)-th position the dense
network computes exactly what the original did.
"""

from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn

OutputStride = Literal[8, 16, 32]

_PROBE_SIZE_PX = 256
_Spatial = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


def make_atrous(network: nn.Module, output_stride: int, *, in_channels: int = 3) -> None:
    """Give a convolutional network another output stride, in place.

    Args:
        network: Maps (1, in_channels, H, W) to features; any mix of `nn.Conv2d`, `nn.MaxPool2d` and
            layers that keep the size. Its padding must be fixed and symmetric (timm: not the `tf_`
            variants).
        output_stride: Pixels of the picture between two positions of the features, a power of two.
        in_channels: Channels of the picture.

    Raises:
        ValueError: The network is already coarser or finer in a way that cannot be kept: it pads by
            the input's size, averages at a position where the rate would have to change, or does
            not shrink in powers of two.
    """
    for name, layer, input_stride in _spatial_layers(network, in_channels):
        rate, reached = divmod(input_stride, output_stride)
        if rate > 1 and reached == 0:
            _spread(name, layer, rate)
        if input_stride * _pair(layer.stride)[0] > output_stride:
            layer.stride = (1, 1)


def _spatial_layers(network: nn.Module, in_channels: int) -> list[tuple[str, _Spatial, int]]:
    """List the layers that shrink or look around, with the stride at which each sees its input."""
    found: list[tuple[str, _Spatial, int]] = []
    names = {module: name for name, module in network.named_modules()}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        stride, remainder = divmod(_PROBE_SIZE_PX, inputs[0].shape[-1])
        spatial = cast(_Spatial, layer)
        if _pair(spatial.kernel_size)[0] == 1 and _pair(spatial.stride)[0] == 1:
            return
        if remainder or stride & (stride - 1):
            raise ValueError(
                f"layer {names[layer]!r} sees {inputs[0].shape[-1]} positions of {_PROBE_SIZE_PX} "
                "pixels: only networks that halve the resolution with symmetric padding can be "
                "made atrous"
            )
        found.append((names[layer], spatial, stride))

    handles = [
        module.register_forward_pre_hook(cast(Callable[..., None], note))
        for module in network.modules()
        if isinstance(module, _Spatial)
    ]
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(1, in_channels, _PROBE_SIZE_PX, _PROBE_SIZE_PX))
    finally:
        network.train(was_training)
        for handle in handles:
            handle.remove()
    return found


def _spread(name: str, layer: _Spatial, rate: int) -> None:
    if isinstance(layer, nn.AvgPool2d):
        raise ValueError(
            f"layer {name!r} averages its input and cannot take rate {rate}: choose a backbone "
            "without average pooling inside, or a larger output stride"
        )
    if isinstance(layer.padding, str):
        raise ValueError(
            f"layer {name!r} pads by {layer.padding!r}: choose a backbone with fixed, symmetric "
            "padding"
        )
    layer.dilation = tuple(step * rate for step in _pair(layer.dilation))
    layer.padding = tuple(margin * rate for margin in _pair(layer.padding))


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)
