"""The sum of 3x3 convolutions of different rates as one 1x1 convolution, whose results are shifted.

Reference: DeepLab v2, arXiv 1606.00915, section 3.2 (ASPP). Tap (i, j) of a filter of rate r is a
1x1 convolution whose result is moved by ((i - 1) r, (j - 1) r). All taps of all branches together
are one 1x1 convolution of many channels, for which every processor has fast kernels, and moving its
result costs little, as there are few classes. Libraries are slow where a filter spread widely has
few outputs: on a CPU both ways of the published classifier (2048 -> 21, rates 6 to 24) take a fifth
of the time.

Shapes: N pictures, C channels, K classes, (h, w) the feature grid, O offsets.
"""

import functools
import itertools
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

_Offset = tuple[int, int]  # rows and columns from a score to the features that a tap sees


def sum_of_spread(
    features: Tensor, filters: Sequence[Tensor], biases: Sequence[Tensor], rates: Sequence[int]
) -> Tensor:
    """Convolve with each filter at its rate, keep the size, and add: (N, C, h, w) -> (N, K, h, w).

    Equal to the sum of `conv2d(features, filter, bias, padding=rate, dilation=rate)` up to
    rounding, and so are its gradients. Sums are taken in float32 where features have fewer bits.

    Args:
        features: (N, C, h, w), of any size.
        filters: (K, C, 3, 3) each.
        biases: (K,) each.
        rates: One for each filter.
    """
    height, width = features.shape[2:]
    taps = {
        offset: tap
        for offset, tap in _taps_by_offset(filters, rates).items()
        if abs(offset[0]) < height and abs(offset[1]) < width  # others see nothing but zeros
    }
    bank = torch.cat(list(taps.values()))[:, :, None, None]
    parts = torch.split(functional.conv2d(features, bank), len(filters[0]), dim=1)
    # Not by stacking: torch would let the gradients of all biases share their memory.
    total = functools.reduce(torch.add, biases).view(1, -1, 1, 1)
    for (down, right), part in zip(taps, parts, strict=True):
        total = total + functional.pad(part, (-right, right, -down, down))
    return total.to(parts[0].dtype)


def _taps_by_offset(filters: Sequence[Tensor], rates: Sequence[int]) -> dict[_Offset, Tensor]:
    """Give the 1x1 filter (K, C) of every offset; taps of the same offset are added."""
    taps: dict[_Offset, Tensor] = {}
    for spread, rate in zip(filters, rates, strict=True):
        places = itertools.product((-rate, 0, rate), repeat=2)
        for (down, right), tap in zip(places, spread.flatten(2).unbind(2), strict=True):
            offset = (down, right)
            taps[offset] = taps[offset] + tap if offset in taps else tap
    return taps
