"""What the values of pictures are like, band by band: for pictures that are not RGB."""

from collections.abc import Sequence

import numpy as np

from deeplab.data.samples import Sample

_NUM_PICTURES = 200
_SMALLEST_STD = 1.0


def measure_bands(
    samples: Sequence[Sample], num_bands: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Measure mean and standard deviation of each band over the pixels of up to 200 pictures.

    Args:
        samples: At least one; the pictures are spread evenly over them.
        num_bands: Bands that each picture has to have.

    Returns:
        Means and standard deviations, 0..255, to four digits; a band that is all alike has 1.

    Raises:
        ValueError: A picture with another number of bands.
    """
    count = min(_NUM_PICTURES, len(samples))
    places = np.linspace(0, len(samples) - 1, count).round().astype(int)
    num_pixels = 0
    sums, squares = np.zeros(num_bands), np.zeros(num_bands)
    for place in places:
        values = samples[place].read_picture(num_bands).reshape(-1, num_bands).astype(np.float64)
        num_pixels += len(values)
        sums += values.sum(axis=0)
        squares += np.square(values).sum(axis=0)
    mean = sums / num_pixels
    std = np.sqrt(np.maximum(squares / num_pixels - mean**2, 0)).clip(min=_SMALLEST_STD)
    return tuple(mean.round(4).tolist()), tuple(std.round(4).tolist())
