"""How much a score depends on which pictures happen to be in the data set.

The bootstrap (Efron, 1979): pictures are drawn with replacement, as many as there are, their counts
are summed and the score is read off the sums; the middle 95 % of many such scores are the interval.
It speaks of other pictures of the same kind, not of other training runs or other data.

A class that a draw lacks is left out of the mean of that draw: its IoU is unknown there, not 0. The
classes that the whole set lacks count as the evaluation's convention says.

Shapes: K classes, N pictures, R draws.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.conventions import Convention, share
from deeplab.evaluation.pictures import stack_sums
from deeplab.evaluation.record import Evaluation

_WEIGHTS_AT_A_TIME = 4_000_000  # 32 MB


class Interval(NamedTuple):
    """Where a number lies, as far as the pictures tell; ends included."""

    low: float
    high: float


@dataclass(frozen=True)
class Intervals:
    """Intervals of one evaluation.

    Attributes:
        mean_iou: Of the mean IoU.
        class_iou: Of the IoU of each class; None for one that is nowhere.
        level: How much of the draws an interval holds, such as 0.95.
        num_draws: R.
    """

    mean_iou: Interval
    class_iou: tuple[Interval | None, ...]
    level: float
    num_draws: int


def estimate_intervals(
    evaluation: Evaluation, *, num_draws: int = 2000, level: float = 0.95, seed: int = 0
) -> Intervals:
    """Draw pictures again and again, and see how the mean IoU and the IoU of each class vary.

    Args:
        evaluation: With the scores of its pictures.
        num_draws: R; 2000 settle an end of the interval to some per cent of its width.
        level: How much of the draws an interval holds, between 0 and 1.
        seed: Of the drawing; the same seed gives the same intervals.

    Raises:
        ValueError: No pictures, no draws, or a level outside 0..1.
    """
    check_draws(num_draws, level)
    if not evaluation.pictures:
        raise ValueError("no pictures to draw from: the evaluation holds no scores of pictures")
    sums = stack_sums(evaluation.pictures)
    iou = draw_iou(sums, num_draws, seed)
    num_absent = len(evaluation.scores.absent_classes)
    means = mean_of_draws(iou, num_absent, evaluation.scores.convention)
    return Intervals(
        mean_iou=middle(means, level) or Interval(0.0, 0.0),
        class_iou=tuple(middle(values, level) for values in iou.T),
        level=level,
        num_draws=num_draws,
    )


def check_draws(num_draws: int, level: float) -> None:
    """Refuse numbers that make no interval.

    Raises:
        ValueError: No draws, or a level outside 0..1.
    """
    if num_draws < 1:
        raise ValueError(f"{num_draws} draws: make 1 or more, such as 2000")
    if not 0 < level < 1:
        raise ValueError(f"level {level:g}: give a part of 1, such as 0.95")


def draw_iou(sums: NDArray[np.int64], num_draws: int, seed: int) -> NDArray[np.float64]:
    """Give the IoU of each class in each draw.

    Args:
        sums: (N, 3, K), see `stack_sums`.
        num_draws: R.
        seed: Of the drawing: the same seed draws the same pictures, whatever their counts.

    Returns:
        (R, K), NaN where a draw lacks a class.
    """
    weights = _draw_weights(len(sums), num_draws, seed)
    return np.concatenate([_iou(weigh(some, sums)) for some in weights])


def _draw_weights(num_pictures: int, num_draws: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Draw N of N pictures with replacement, R times: how often each was drawn.

    Yields:
        (r, N) for some of the draws, R in all; every row adds up to N.
    """
    random = np.random.default_rng(seed)
    at_a_time = max(_WEIGHTS_AT_A_TIME // num_pictures, 1)
    chances = np.full(num_pictures, 1 / num_pictures)
    for start in range(0, num_draws, at_a_time):
        count = min(at_a_time, num_draws - start)
        yield random.multinomial(num_pictures, chances, size=count)


def weigh(weights: NDArray[Any], sums: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add up the sums of the pictures of each draw, exactly: counts stay below 2 ** 53.

    Args:
        weights: (R, N) how often each picture counts.
        sums: (N, 3, K), see `stack_sums`.

    Returns:
        (R, 3, K).
    """
    flat = sums.reshape(len(sums), -1).astype(np.float64)
    return np.asarray(weights.astype(np.float64) @ flat).reshape(len(weights), *sums.shape[1:])


def _iou(sums: NDArray[Any]) -> NDArray[np.float64]:
    """Give the IoU of each class: (..., 3, K) -> (..., K), NaN where a class is nowhere."""
    hits, truth, predicted = np.moveaxis(sums, -2, 0)
    union = truth + predicted - hits
    return np.where(union > 0, share(hits, union), np.nan)


def mean_of_draws(
    iou: NDArray[np.float64], num_absent: int, convention: Convention
) -> NDArray[np.float64]:
    """Average over the classes of each draw: (R, K) -> (R,).

    Args:
        iou: NaN for classes that a draw lacks; they are left out.
        num_absent: How many classes the whole set lacks; they count as 0, or not at all.
        convention: Which of the two.
    """
    num_classes = (~np.isnan(iou)).sum(axis=1)
    if convention == "devkit":
        num_classes += num_absent
    return np.asarray(np.nansum(iou, axis=1) / np.maximum(num_classes, 1))


def middle(values: NDArray[np.float64], level: float) -> Interval | None:
    """Give the ends of the middle part of the values that are not NaN; None if all are."""
    known = values[~np.isnan(values)]
    if not known.size:
        return None
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high))
