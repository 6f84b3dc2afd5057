"""Pools that round up, written as pools that round down, which the exporter understands.

With Caffe's pools (`ceil_mode`) torch's exporter asks whether the last window begins beyond the
feature map. It cannot see that it never does, where the stride is not larger than the window
without its padding, and takes it for a condition on the picture's size: the graph would then
compute other sizes wrongly.
"""

import copy
import math

from torch import Tensor, nn
from torch.nn import functional


def without_rounding_up(network: nn.Module) -> nn.Module:
    """Copy a network, with pools that round down and give the same.

    Args:
        network: Left as it is. Pools of larger strides stay as they are in the copy, too.
    """
    network = copy.deepcopy(network)
    for name, module in list(network.named_modules()):
        if isinstance(module, nn.MaxPool2d) and module.ceil_mode and _keeps_windows(module):
            network.set_submodule(name, _PaddedPool(module))
    return network


def _keeps_windows(pool: nn.MaxPool2d) -> bool:
    """Tell whether every window that rounding up adds begins within the feature map."""
    sizes, rates = _pair(pool.kernel_size), _pair(pool.dilation)
    margins, strides = _pair(pool.padding), _pair(pool.stride)
    return all(
        stride + margin <= rate * (size - 1) + 1
        for size, rate, margin, stride in zip(sizes, rates, margins, strides, strict=True)
    )


class _PaddedPool(nn.Module):
    """The largest value of each window: (N, C, H, W) -> (N, C, ceil, ceil).

    A window that rounding up would add finds its place in stride - 1 more positions behind.

    Args:
        pool: Rounds up; see `_keeps_windows`.
    """

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        self._window, self._rate = pool.kernel_size, pool.dilation
        self._stride = pool.stride
        (down, right), (step, side_step) = _pair(pool.padding), _pair(pool.stride)
        self._margins = (right, right + side_step - 1, down, down + step - 1)

    def forward(self, features: Tensor) -> Tensor:
        padded = functional.pad(features, self._margins, value=-math.inf)
        return functional.max_pool2d(padded, self._window, self._stride, dilation=self._rate)


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value, value)
