"""Whether a value is what annotators leave between objects: void, though nobody says so."""

import math

from deeplab.data.init.survey import Survey
from deeplab.labels import VOID

_LARGEST_SHARE = 0.15
_LEAST_OF_BORDERS = 0.25
_TIMES_AS_LONG = 2.5
_LEAST_EVEN = 0.5


def runs_along_borders(survey: Survey, value: int) -> bool:
    """Tell whether a value lies along the borders of all others, as void does.

    It covers little (up to 15 %), yet has a part in at least a quarter of all borders and 2.5 times
    as many as its pixels would let expect, and it touches the other values alike: the number of
    them that it touches (the exponential of the entropy) is at least half of them. In CamVid, void
    covers 3 %, has a part in 32 % of all borders and touches 6.5 of 11 classes; its poles, which
    are thin as well, have a part in 16 %.

    Args:
        survey: What label maps hold.
        value: The one in question.
    """
    pixels = {other: count for other, count in survey.counts.items() if other != VOID}
    borders = {pair: count for pair, count in survey.touching.items() if VOID not in pair}
    if value not in pixels or len(pixels) < 3 or not borders:
        return False
    share = pixels[value] / sum(pixels.values())
    own = {sum(pair) - value: count for pair, count in borders.items() if value in pair}
    part = sum(own.values()) / sum(borders.values())
    if share > _LARGEST_SHARE or part < max(_LEAST_OF_BORDERS, _TIMES_AS_LONG * 2 * share):
        return False
    shares = [count / sum(own.values()) for count in own.values()]
    num_touched = math.exp(-sum(one * math.log(one) for one in shares))
    return num_touched >= _LEAST_EVEN * (len(pixels) - 1)
