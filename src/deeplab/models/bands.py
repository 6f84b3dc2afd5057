"""Weights for pictures of another number of bands than those they were trained on.

Only the first convolution looks at the bands. Its filter is averaged over the bands that it knows,
repeated for the new ones, and rescaled by (old bands / new bands): a picture whose bands are all
equal is answered as the original answers it. For one band this is the sum over red, green and blue.
"""

from collections.abc import Mapping

from torch import Tensor


def fit_bands(
    weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor], num_bands: int
) -> dict[str, Tensor]:
    """Give the first convolution of a state dict as many bands as another one has.

    Args:
        weights: Of a network that takes other pictures; nothing else is changed.
        wanted: Of the network that they are for, with the same names.
        num_bands: Of the pictures that it takes.
    """
    return {
        name: _spread(value, num_bands) if _differs(value, wanted.get(name), num_bands) else value
        for name, value in weights.items()
    }


def _differs(value: Tensor, wanted: Tensor | None, num_bands: int) -> bool:
    """Tell whether two filters (out, bands, height, width) differ in their bands alone."""
    return (
        wanted is not None
        and value.ndim == wanted.ndim == 4
        and value.shape[1] != wanted.shape[1] == num_bands
        and (value.shape[0], *value.shape[2:]) == (wanted.shape[0], *wanted.shape[2:])
    )


def _spread(filters: Tensor, num_bands: int) -> Tensor:
    mean = filters.mean(dim=1, keepdim=True) * (filters.shape[1] / num_bands)
    return mean.repeat(1, num_bands, 1, 1)
