"""Numbers of 8 bits for feature maps and filters, chosen so that little is lost.

Shapes: C channels in, M filters; (M, C / groups, ...) the filters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.export.feature_maps import FeatureMap

_LARGEST = 127  # of a filter's integers
_LARGEST_PAIR = 128  # 255 times that is the largest multiple of 255 that 16 bits hold
_LARGEST_BIAS = 2**30  # of the 2**31 that 32 bits hold
_SHARES = np.linspace(0.3, 0.99, 24)  # of a range's end
_SEARCHED = 100_000  # values, spread evenly, are enough to find a range by


@dataclass(frozen=True)
class MapScale:
    """How integers 0..255 stand for a feature map: scale * (integer - zero)."""

    scale: np.float32
    zero: np.uint8

    @classmethod
    def of_range(cls, least: float, largest: float) -> "MapScale":
        """Let integers reach from one number to the other; 0, which pads maps, is one of them."""
        least, largest = min(least, 0.0), max(largest, 0.0)
        scale = (largest - least) / 255 or 1.0
        return cls(np.float32(scale), np.uint8(round(-least / scale)))

    def round(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Give the numbers that stand for values."""
        integers = np.clip(np.rint(values / self.scale) + np.float32(self.zero), 0, 255)
        return np.asarray((integers - np.float32(self.zero)) * self.scale, np.float32)


@dataclass(frozen=True)
class Filters:
    """Filters in integers: `scales_M` times them.

    Attributes:
        integers: As the filters were, int8.
        scales_M: One for each filter.
    """

    integers: NDArray[np.int8]
    scales_M: NDArray[np.float32]

    @property
    def values(self) -> NDArray[np.float32]:
        """Say what they stand for."""
        shape = (-1, *[1] * (self.integers.ndim - 1))
        values: NDArray[np.float32] = self.integers * self.scales_M.reshape(shape)
        return values


def choose_scale(seen: FeatureMap) -> MapScale:
    """Choose the range in which the values seen are rounded with the least squared error.

    Rare values far out are cut off where that makes the steps of all others finer.
    """
    values = seen.values_S[:: -(-seen.values_S.size // _SEARCHED)]
    best = MapScale.of_range(seen.least, seen.largest)
    least_error, shares = _squared_error(values, best), [1.0, 1.0]
    for _ in range(2):  # the two ends in turns
        for end in (0, 1):  # the least, the largest
            for share in _SHARES:
                tried = [share if place == end else shares[place] for place in (0, 1)]
                scale = MapScale.of_range(seen.least * tried[0], seen.largest * tried[1])
                error = _squared_error(values, scale)
                if error < least_error:
                    best, least_error, shares = scale, error, tried
    return best


def _squared_error(values: NDArray[np.float32], scale: MapScale) -> float:
    return float(np.square(scale.round(values) - values).mean(dtype=np.float64))


def round_filters(
    filters: NDArray[np.float32], bias_M: NDArray[np.float32], inputs: MapScale
) -> Filters:
    """Round filters to integers of 8 bits, or of fewer where sums would overflow.

    Processors without VNNI add the products of two neighbouring channels in 16 bits. So integers
    of neighbours may not reach beyond 128 in sum; where filters have none they may reach 127 each.

    Args:
        filters: (M, C / groups, ...).
        bias_M: The scales leave room for it in 32 bits.
        inputs: Of the feature map that they are applied to.
    """
    by_filter = np.abs(filters).reshape(len(filters), -1).max(axis=1)
    scales_M = np.maximum(by_filter / _LARGEST, _largest_pair(filters) / (_LARGEST_PAIR - 1))
    scales_M = np.maximum(scales_M, np.abs(bias_M) / (_LARGEST_BIAS * inputs.scale))
    scales_M = np.where(scales_M > 0, scales_M, 1).astype(np.float32)
    shape = (-1, *[1] * (filters.ndim - 1))
    integers = np.clip(np.rint(filters / scales_M.reshape(shape)), -_LARGEST, _LARGEST)
    return Filters(integers.astype(np.int8), scales_M)


def _largest_pair(filters: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give, for each filter, the largest sum of two neighbours of one sign, its sign left out."""
    sums = [np.zeros(len(filters), np.float32)]
    if filters.shape[1] > 1:
        for sign in (1, -1):
            reach = np.maximum(sign * filters, 0)
            # Channels are the innermost; the last one has the first of the next place beside it.
            places = np.moveaxis(reach, 1, -1).reshape(len(filters), -1)
            sums.append((places[:, :-1] + places[:, 1:]).max(axis=1))
    largest: NDArray[np.float32] = np.max(sums, axis=0)
    return largest


def correct_bias(
    bias_M: NDArray[np.float32],
    filters: NDArray[np.float32],
    rounded: Filters,
    seen: FeatureMap,
) -> NDArray[np.float32]:
    """Take from a bias what rounding the filters adds in the mean (arXiv 1906.04721, 4.2).

    Args:
        bias_M: Of the convolution.
        filters: As they were: (M, C / groups, ...).
        rounded: What became of them.
        seen: The feature map that they are applied to.
    """
    num_filters, num_channels = filters.shape[:2]
    groups = len(seen.mean_C) // num_channels
    means = seen.mean_C.reshape(groups, num_channels).repeat(num_filters // groups, axis=0)
    added = (rounded.values - filters).reshape(num_filters, num_channels, -1).sum(axis=2)
    return np.asarray(bias_M - (added * means).sum(axis=1), np.float32)
