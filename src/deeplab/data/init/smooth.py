"""Whether label maps were smoothed or resized, so that they hold blends of classes, not classes."""

from collections.abc import Mapping

import numpy as np

from deeplab.data.init.survey import MOST_COLOURS, to_colour
from deeplab.labels import VOID

SMOOTH = (
    "this looks like smooth (anti-aliased) borders or resizing, which blend the colours of two "
    "classes; export label maps without smoothing, and resize them with nearest neighbour"
)
"""What to say of it."""

_RARE = 1e-4  # of all pixels: what hardly a class has in a whole data set, but blends do
_NEAR = 8
_LEAST_COLOURS = 8
_LEAST_VALUES = 10
_TWO_EXTREMES = 0.9


def blends_colours(found: Mapping[int, int]) -> bool:
    """Tell whether colours are blends: too many, mostly rare, or mostly next to another one.

    Palettes are made to be told apart: no more than a few colours of those of VOC, Cityscapes or
    ADE20K are within 8 of another one in all three channels.

    Args:
        found: Pixels of each colour, as `survey.to_code`.
    """
    colours = np.array([to_colour(code) for code in found], dtype=np.int64).reshape(-1, 3)
    is_grey = bool((colours == colours[:, :1]).all())
    if is_grey:  # 0, 1, 2, ... saved as colours are next to one another, and no blends
        return blends_values({code & VOID: count for code, count in found.items()})
    total = sum(found.values())
    num_rare = sum(count < _RARE * total for count in found.values())
    if len(found) > MOST_COLOURS or (num_rare > 2 and num_rare > len(found) / 2):
        return True
    apart = np.abs(colours[:, np.newaxis] - colours).max(axis=2)
    np.fill_diagonal(apart, VOID)
    return len(found) >= _LEAST_COLOURS and bool((apart.min(axis=1) <= _NEAR).mean() > 1 / 2)


def blends_values(found: Mapping[int, int]) -> bool:
    """Tell whether values are blends of black and white: both nearly everywhere, many between.

    Args:
        found: Pixels of each value.
    """
    extremes = found.get(0, 0) + found.get(VOID, 0)
    num_between = len(found.keys() - {0, VOID})
    return (
        min(found.get(0, 0), found.get(VOID, 0)) > 0
        and num_between >= _LEAST_VALUES
        and extremes > _TWO_EXTREMES * sum(found.values())
    )
