"""Turn a classification network into a dense feature extractor, without touching its weights.

Reference: DeepLab v2, arXiv 1606.00915, section 3.1. Every layer that would reduce the resolution
below the wanted output stride keeps it (stride 1), and every filter behind it is spread by the
reduction that no longer happens: where the layer used to see its input at stride s, it now sees it
at the output stride o and samples it with rate s / o. At every (s / o)-th position the dense
network computes exactly what the original did.
"""

import math
from collections.abc import Callable
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

OutputStride = Literal[8, 16, 32]

_PROBE_SIZE_PX = 256  # a power of two: every stride shows as a whole number
_ODD_SIZE_PX = 97  # 97, 49, 25, 13, 7: odd down to stride 16, so rounding down shows
_Spatial = nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d


def make_atrous(network: nn.Module, output_stride: int, *, in_channels: int = 3) -> None:
    """Give a convolutional network another output stride, in place.

    Weights stay as they are, and so do names. Doing it twice is the same as doing it once.

    Args:
        network: Maps (1, in_channels, H, W) to features (1, C, h, w), for any H and W, with
            `nn.Conv2d`, `nn.MaxPool2d`, `nn.AvgPool2d` and layers that keep the size.
        output_stride: Pixels of the picture between two positions of the features, a power of two.
        in_channels: Channels of the picture.

    Raises:
        ValueError: The network cannot have this output stride: it takes only some sizes of
            pictures, looks further to one side (timm: the `tf_` variants), averages where a rate
            is needed, or does not shrink so far at all.
    """
    for name, layer, input_stride in _spatial_layers(network, in_channels):
        rate = max(1, input_stride // output_stride)
        keeps_size = input_stride * _pair(layer.stride)[0] > output_stride
        if isinstance(layer, nn.AvgPool2d) and rate == 1 and not keeps_size:
            continue  # stays as it is, so it may be uneven, as in timm's ResNet-D
        _check_evenness(name, layer)
        if keeps_size:
            layer.stride = (1, 1)
        if rate > 1 and _pair(layer.kernel_size) != (1, 1):
            _spread(network, name, layer, rate)
    _check_grid(network, output_stride, in_channels)


def _spatial_layers(network: nn.Module, in_channels: int) -> list[tuple[str, _Spatial, int]]:
    """List the layers that shrink or look around, with the stride at which each sees its input."""
    found: dict[_Spatial, int] = {}
    names = {module: name for name, module in network.named_modules()}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        spatial = cast(_Spatial, layer)
        if _pair(spatial.kernel_size) == _pair(spatial.stride) == (1, 1):
            return
        stride = _stride_of(inputs[0].shape[-1])
        if stride is None or found.setdefault(spatial, stride) != stride:
            raise ValueError(
                f"layer {names[layer]!r} sees {inputs[0].shape[-1]} positions of {_PROBE_SIZE_PX} "
                "pixels: only networks that halve the resolution, layer by layer, can be made "
                "atrous"
            )

    handles = [
        module.register_forward_pre_hook(cast(Callable[..., None], note))
        for module in network.modules()
        if isinstance(module, _Spatial)
    ]
    try:
        _features_of_black(network, in_channels, _PROBE_SIZE_PX)
    finally:
        for handle in handles:
            handle.remove()
    return [(names[layer], layer, stride) for layer, stride in found.items()]


def _stride_of(size: int) -> int | None:
    """Tell the stride by the positions of the probe; None: they do not come of halving it."""
    stride = 1
    while stride <= _PROBE_SIZE_PX:
        # Layers that round up (Caffe's pools) have one position more, beyond the last pixel.
        if size in (_PROBE_SIZE_PX // stride, _PROBE_SIZE_PX // stride + 1):
            return stride
        stride *= 2
    return None


def _check_evenness(name: str, layer: _Spatial) -> None:
    kernel, steps = _pair(layer.kernel_size), _pair(getattr(layer, "dilation", 1))
    margins = tuple(step * (length - 1) / 2 for step, length in zip(steps, kernel, strict=True))
    if isinstance(layer.padding, str) or _pair(layer.padding) != margins:
        raise ValueError(
            f"layer {name!r} ({kernel[0]}x{kernel[1]}, padding {layer.padding!r}) does not look "
            "equally far to all sides: choose another backbone (timm: not the tf_ variants)"
        )


def _spread(network: nn.Module, name: str, layer: _Spatial, rate: int) -> None:
    if isinstance(layer, nn.AvgPool2d):
        raise ValueError(
            f"layer {name!r} averages its input and cannot take rate {rate}: choose a backbone "
            "without average pooling inside, or a larger output stride"
        )
    layer.dilation = tuple(step * rate for step in _pair(layer.dilation))
    layer.padding = tuple(margin * rate for margin in _pair(cast(int, layer.padding)))
    if isinstance(layer, nn.MaxPool2d):
        network.set_submodule(name, AtrousMaxPool2d(layer))


class AtrousMaxPool2d(nn.Module):
    """The largest of values that lie a rate apart: (N, C, h, w) -> (N, C, h, w).

    torch's own pools pad by half a filter at most, whatever its rate.

    Args:
        pool: Stride 1, a rate, and the padding that keeps the size.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        down, right = _pair(pool.padding)
        self._margins = (right, right, down, down)
        self._kernel_size, self._rate = pool.kernel_size, pool.dilation

    def forward(self, features: Tensor) -> Tensor:
        """Pool, outside of the feature map being less than everything."""
        padded = functional.pad(features, self._margins, value=-math.inf)
        return functional.max_pool2d(padded, self._kernel_size, stride=1, dilation=self._rate)


def _check_grid(network: nn.Module, output_stride: int, in_channels: int) -> None:
    """Make sure that position (i, j) of the features belongs to pixel (i, j) * output stride."""
    shape = tuple(_features_of_black(network, in_channels, _ODD_SIZE_PX).shape)
    side = -(-_ODD_SIZE_PX // output_stride)
    if shape[2:] != (side, side):
        raise ValueError(
            f"a picture of {_ODD_SIZE_PX}x{_ODD_SIZE_PX} pixels gives features of shape {shape}, "
            f"but at output stride {output_stride} it should give (1, C, {side}, {side}): choose "
            "another output stride or a convolutional backbone that reaches it"
        )


def _features_of_black(network: nn.Module, in_channels: int, size_px: int) -> Tensor:
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            return cast(Tensor, network(torch.zeros(1, in_channels, size_px, size_px)))
    except (RuntimeError, AssertionError) as error:  # what torch and timm raise for a wrong size
        raise ValueError(
            f"this backbone takes no picture of {size_px}x{size_px} pixels: choose a convolutional "
            f"one, for pictures of any size ({error})"
        ) from error
    finally:
        network.train(was_training)


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)
