"""Whether one evaluation is better than another on the same pictures, and where.

Two things say whether the difference in mean IoU is more than noise. The paired bootstrap draws
pictures (the same for both) and asks where the difference lies for other pictures of this kind. The
permutation test asks how often a difference as large comes about if the two are equally good: then
either could have given either result of each picture, so results are swapped picture by picture at
random and the difference is read off the sums again (Fisher's randomisation test). Both take the
very number that is reported, the mean IoU of the sums, not a mean over pictures.

Shapes: K classes, N pictures, R draws.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.bootstrap import (
    Interval,
    check_draws,
    draw_iou,
    mean_of_draws,
    middle,
    weigh,
)
from deeplab.evaluation.conventions import Convention, mean_over_classes
from deeplab.evaluation.pictures import PictureScores, stack_sums
from deeplab.evaluation.record import Evaluation

_SWAPS_AT_A_TIME = 500
_SAME = 1e-12  # two differences that are equal but for rounding


@dataclass(frozen=True)
class ClassDifference:
    """A class in two evaluations.

    Attributes:
        name: Of the class.
        first: Its IoU in the first, 0..1.
        second: Its IoU in the second.
        interval: Where the second less the first lies; None if the class is nowhere in one of them.
    """

    name: str
    first: float
    second: float
    interval: Interval | None

    @property
    def difference(self) -> float:
        """By how much the second is better, -1..1."""
        return self.second - self.first


@dataclass(frozen=True)
class PictureDifference:
    """A picture in two evaluations.

    Attributes:
        name: The picture's id.
        picture_path: The picture.
        first: `PictureScores.mean_iou` in the first.
        second: The same in the second.
    """

    name: str
    picture_path: Path
    first: float
    second: float

    @property
    def difference(self) -> float:
        """By how much the second is better, -1..1."""
        return self.second - self.first


@dataclass(frozen=True)
class Comparison:
    """Two evaluations of the same pictures.

    Attributes:
        first: Mean IoU of the first, 0..1.
        second: Mean IoU of the second.
        interval: Where the second less the first lies, by the paired bootstrap.
        p_value: How likely a difference as large in either direction is if both are equally good,
            by the permutation test.
        classes: Of each class, in label order.
        pictures: Of each picture that is not all void, in the order of the data set.
        level: How much of the draws an interval holds.
        num_draws: R.
    """

    first: float
    second: float
    interval: Interval
    p_value: float
    classes: tuple[ClassDifference, ...]
    pictures: tuple[PictureDifference, ...]
    level: float
    num_draws: int

    @property
    def difference(self) -> float:
        """By how much the mean IoU of the second is better, -1..1."""
        return self.second - self.first

    @property
    def is_more_than_noise(self) -> bool:
        """Whether the interval excludes 0 and the test agrees."""
        excludes_zero = not self.interval.low <= 0 <= self.interval.high
        return excludes_zero and self.p_value <= 1 - self.level

    @property
    def better(self) -> tuple[PictureDifference, ...]:
        """The pictures on which the second is better, the largest gain first."""
        gains = [one for one in self.pictures if one.difference > 0]
        return tuple(sorted(gains, key=lambda one: -one.difference))

    @property
    def worse(self) -> tuple[PictureDifference, ...]:
        """The pictures on which the second is worse, the largest loss first."""
        losses = [one for one in self.pictures if one.difference < 0]
        return tuple(sorted(losses, key=lambda one: one.difference))


def compare(
    first: Evaluation,
    second: Evaluation,
    *,
    num_draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare two evaluations picture by picture.

    Args:
        first: What the second is measured against.
        second: Of the same pictures and label maps.
        num_draws: R, of the bootstrap and of the permutation test each.
        level: How much of the draws an interval holds, between 0 and 1.
        seed: Of the drawing.

    Raises:
        ValueError: The two are of other classes, pictures or label maps, or follow two conventions.
    """
    check_draws(num_draws, level)
    _check_same(first, second)
    convention = first.scores.convention
    sums = (stack_sums(first.pictures), stack_sums(second.pictures))
    iou = [draw_iou(one, num_draws, seed) for one in sums]
    means = [
        mean_of_draws(values, len(one.scores.absent_classes), convention)
        for values, one in zip(iou, (first, second), strict=True)
    ]
    return Comparison(
        first=first.scores.mean_iou,
        second=second.scores.mean_iou,
        interval=middle(means[1] - means[0], level) or Interval(0.0, 0.0),
        p_value=_permutation_p_value(*sums, convention, num_draws, seed),
        classes=_class_differences(first, second, iou[1] - iou[0], level),
        pictures=_picture_differences(first.pictures, second.pictures),
        level=level,
        num_draws=num_draws,
    )


def _permutation_p_value(
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    convention: Convention,
    num_draws: int,
    seed: int,
) -> float:
    """Swap the results of each picture or not, R times; the observed ones count as a draw too."""
    random = np.random.default_rng(seed)
    whole = first.sum(axis=0) + second.sum(axis=0)

    def difference(one: NDArray[np.float64]) -> NDArray[np.float64]:
        return _mean_iou(whole - one, convention) - _mean_iou(one, convention)

    observed = abs(difference(first.sum(axis=0, dtype=np.float64)))
    count = 0
    for done in range(0, num_draws, _SWAPS_AT_A_TIME):
        size = (min(_SWAPS_AT_A_TIME, num_draws - done), len(first))
        is_swapped = random.integers(0, 2, size)
        drawn = difference(weigh(1 - is_swapped, first) + weigh(is_swapped, second))
        count += int((abs(drawn) >= observed - _SAME).sum())
    return (count + 1) / (num_draws + 1)


def _mean_iou(sums: NDArray[np.float64], convention: Convention) -> NDArray[np.float64]:
    hits, truth, predicted = np.moveaxis(sums, -2, 0)
    return mean_over_classes(hits, truth + predicted - hits, convention)


def _class_differences(
    first: Evaluation, second: Evaluation, drawn: NDArray[np.float64], level: float
) -> tuple[ClassDifference, ...]:
    return tuple(
        ClassDifference(name, one, other, middle(values, level))
        for name, one, other, values in zip(
            first.scores.class_names,
            first.scores.class_iou,
            second.scores.class_iou,
            drawn.T,
            strict=True,
        )
    )


def _picture_differences(
    first: tuple[PictureScores, ...], second: tuple[PictureScores, ...]
) -> tuple[PictureDifference, ...]:
    return tuple(
        PictureDifference(one.name, one.picture_path, one.mean_iou, other.mean_iou)
        for one, other in zip(first, second, strict=True)
        if one.mean_iou is not None and other.mean_iou is not None
    )


def _check_same(first: Evaluation, second: Evaluation) -> None:
    for what, one, other in (
        ("classes", first.scores.class_names, second.scores.class_names),
        ("conventions", first.scores.convention, second.scores.convention),
    ):
        if one != other:
            raise ValueError(f"the two evaluations have other {what}: {one} and {other}")
    if not first.pictures:
        raise ValueError("nothing to compare: the evaluation holds no scores of pictures")
    names = [[picture.name for picture in one.pictures] for one in (first, second)]
    if names[0] != names[1]:
        only = [sorted(set(names[i]) - set(names[1 - i]))[:3] for i in (0, 1)]
        raise ValueError(
            f"the two evaluations are of other pictures: {len(names[0])} and {len(names[1])}; only "
            f"in the first: {', '.join(only[0]) or 'none'}; only in the second: "
            f"{', '.join(only[1]) or 'none'}; evaluate both on the same split, with the same limit"
        )
    for picture, again in zip(first.pictures, second.pictures, strict=True):
        if not np.array_equal(picture.sums()[1], again.sums()[1]):
            raise ValueError(
                f"picture {picture.name}: the second evaluation had another true label map; "
                "evaluate both again on the same data"
            )
