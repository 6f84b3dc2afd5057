"""Caffe's max pools, which round up, also in graphs for pictures of any size.

Reference: Caffe's `pooling_layer.cpp`; DeepLab v2's VGG-16 and ResNets have them.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class CaffeMaxPool2d(nn.MaxPool2d):
    """The largest of each 3x3 positions, every second: (N, C, H, W) -> (N, C, H // 2 + 1, ...).

    The exporter asks of a pool that rounds up whether its last window begins behind the picture.
    That never happens here, but it takes the question for a limit to the picture's size; so it is
    shown a pool that rounds down on one row and column more, which is the same.
    """

    def __init__(self) -> None:
        super().__init__(3, stride=2, padding=1, ceil_mode=True)

    def forward(self, input: Tensor) -> Tensor:
        """Pool, outside of the feature map being less than everything."""
        if not torch.compiler.is_exporting():
            return cast(Tensor, super().forward(input))
        (down, right), (step, side_step) = _pair(self.padding), _pair(self.stride)
        margins = (right, right + side_step - 1, down, down + step - 1)
        padded = functional.pad(input, margins, value=-math.inf)
        return functional.max_pool2d(padded, self.kernel_size, self.stride)


def _pair(value: int | tuple[int, ...]) -> tuple[int, int]:
    return cast(tuple[int, int], value) if isinstance(value, tuple) else (value, value)
