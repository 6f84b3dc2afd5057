"""Find the CRF's parameters for given class scores, as the paper does.

Reference: arXiv 1606.00915, section 4.1.1: the spatial kernel stays as it is; the weight w1 and the
standard deviations sigma_alpha (pixels) and sigma_beta (grey levels) of the bilateral kernel are
searched on a coarse grid, w1 in 3..6, sigma_alpha in 30:10:100, sigma_beta in 3..6, then on a finer
one around its best, by the mean IoU of 100 pictures.

Other searches (random, TPE) draw from the same ranges; they need the `tune` extra.
"""

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise, product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.crf import Bilateral, DenseCRF
from deeplab.evaluation.metrics import ConfusionMatrix
from deeplab.evaluation.trials import Point, Trial, TrialLog
from deeplab.inference import ScoredPicture
from deeplab.processor import in_order

Method = Literal["grid", "random", "tpe"]
Watch = Callable[[int, int, Trial], None]
"""Called with the trials done, the trials in all, and the best so far."""


@dataclass(frozen=True)
class Ranges:
    """Where to look: the values of the coarse grid; random searches use the least and the largest.

    Attributes:
        weight: The paper's w1.
        xy: sigma_alpha, pixels.
        rgb: sigma_beta, grey levels.
    """

    weight: tuple[float, ...] = (3, 4, 5, 6)
    xy: tuple[float, ...] = (30, 40, 50, 60, 70, 80, 90, 100)
    rgb: tuple[float, ...] = (3, 4, 5, 6)

    def __post_init__(self) -> None:
        """Refuse empty ranges and values that are not positive."""
        for name, values in dataclasses.asdict(self).items():
            if not values or min(values) <= 0 or list(values) != sorted(set(values)):
                raise ValueError(f"range of {name} {values}: give rising values above 0")

    def coarse(self) -> list[Point]:
        """List the points of the grid; those with the same deviations follow one another."""
        return [
            Point(weight, xy, rgb) for xy, rgb, weight in product(self.xy, self.rgb, self.weight)
        ]

    def fine(self, best: Point) -> list[Point]:
        """List the points half a step around the best of the grid, itself included."""
        weights, xys, rgbs = (
            _around(value, values)
            for value, values in zip(best, (self.weight, self.xy, self.rgb), strict=True)
        )
        return [Point(weight, xy, rgb) for xy, rgb, weight in product(xys, rgbs, weights)]


@dataclass(frozen=True)
class Search:
    """What a search found.

    Attributes:
        trials: All of them, in the order they were made.
        best: The one with the highest mean IoU, the first of equals.
        crf: The CRF of the best trial.
        mean_iou_without_crf: 0..1, of the same scores.
        num_pictures: How many pictures were scored.
    """

    trials: tuple[Trial, ...]
    best: Trial
    crf: DenseCRF
    mean_iou_without_crf: float
    num_pictures: int

    @property
    def helps(self) -> bool:
        """Whether the best CRF is better than none."""
        return self.best.mean_iou > self.mean_iou_without_crf

    @property
    def on_border(self) -> list[str]:
        """The parameters whose best value is the least or the largest that was tried, if any."""
        tried = {
            name: {getattr(trial.point, name) for trial in self.trials} for name in Point._fields
        }
        return [
            name
            for name, values in tried.items()
            if len(values) > 1 and not min(values) < getattr(self.best.point, name) < max(values)
        ]


class Objective:
    """The mean IoU of a CRF on pictures whose class scores are known.

    Pictures, label maps and scores (in 16 bits) stay in memory: 2 MB or so for a picture of VOC.

    Args:
        pictures: The pictures with their scores, and the true label maps (H, W).
        class_names: The K names.
        base: The CRF whose bilateral kernel is searched: its other settings hold for all trials.
        workers: How many pictures are refined at once, each in one thread.
    """

    def __init__(
        self,
        pictures: Sequence[tuple[ScoredPicture, NDArray[np.uint8]]],
        class_names: Sequence[str],
        *,
        base: DenseCRF,
        workers: int,
    ) -> None:
        self._pictures = [(scored.compact(), truth) for scored, truth in pictures]
        self._class_names = tuple(class_names)
        self._base = base
        self._workers = workers

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self._pictures)

    def without_crf(self) -> float:
        """Give the mean IoU of the scores themselves."""
        matrix = ConfusionMatrix(self._class_names)
        for scored, truth in self._pictures:
            matrix.add(truth, scored.grid.label()[0], picture_name="picture")
        return matrix.scores().mean_iou

    def crf(self, point: Point) -> DenseCRF:
        """Make the CRF of a trial."""
        return dataclasses.replace(
            self._base, bilateral=Bilateral(point.weight, point.xy, point.rgb)
        )

    def measure(self, points: Sequence[Point]) -> list[float]:
        """Give the mean IoU at several points.

        Every picture is done for all points before the next: its scores are upsampled once, and the
        engine can use again what depends on picture and deviations alone.
        """
        crfs = [dataclasses.replace(self.crf(point), threads=1) for point in points]
        matrices = [ConfusionMatrix(self._class_names) for _ in points]

        def label(
            item: tuple[ScoredPicture, NDArray[np.uint8]],
        ) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
            scored, truth = item
            return truth, list(scored.labels_of(crfs))

        for truth, label_maps in in_order(label, self._pictures, workers=self._workers):
            for matrix, labels in zip(matrices, label_maps, strict=True):
                matrix.add(truth, labels, picture_name="picture")
        return [matrix.scores().mean_iou for matrix in matrices]


def search_crf(
    objective: Objective,
    log: TrialLog,
    *,
    ranges: Ranges | None = None,
    method: Method = "grid",
    num_trials: int = 60,
    seed: int = 0,
    watch: Watch = lambda done, total, best: None,
) -> Search:
    """Look for the CRF with the highest mean IoU; trials that the log holds are not made again.

    Args:
        objective: What is made as large as possible.
        log: Keeps the trials.
        ranges: Where to look; None: the paper's ranges.
        method: "grid" is the paper's; "random" and "tpe" draw points (optuna).
        num_trials: How many points to draw; the grid has its own number.
        seed: Of the drawing.
        watch: Called after every few trials.
    """
    ranges = ranges or Ranges()
    if method == "grid":
        _search_grid(objective, log, ranges, watch)
    else:
        from deeplab.evaluation.crf_sampling import draw_trials  # the `tune` extra

        draw_trials(objective, log, ranges, method, num_trials, seed, watch)
    best = log.best()
    return Search(
        trials=tuple(log.trials),
        best=best,
        crf=objective.crf(best.point),
        mean_iou_without_crf=objective.without_crf(),
        num_pictures=len(objective),
    )


def _search_grid(objective: Objective, log: TrialLog, ranges: Ranges, watch: Watch) -> None:
    coarse = ranges.coarse()
    expected = len(coarse) + len(set(ranges.fine(coarse[0])) - set(coarse))
    _measure(objective, log, "coarse", coarse, lambda best: watch(len(log.trials), expected, best))
    fine = ranges.fine(log.best("coarse").point)
    total = len(set(coarse) | set(fine))
    _measure(objective, log, "fine", fine, lambda best: watch(len(log.trials), total, best))


def _measure(
    objective: Objective,
    log: TrialLog,
    stage: str,
    points: Sequence[Point],
    tell: Callable[[Trial], None],
) -> None:
    new = [point for point in points if point not in log]
    for group in _same_deviations(new):
        values = objective.measure(group)
        log.add(Trial(stage, point, value) for point, value in zip(group, values, strict=True))
        tell(log.best())


def _same_deviations(points: Sequence[Point]) -> Iterator[list[Point]]:
    for _, group in groupby(points, key=lambda point: (point.xy, point.rgb)):
        yield list(group)


def _around(value: float, values: Sequence[float]) -> list[float]:
    """Give the value and its neighbours half a step away, as far as they are positive."""
    if len(values) == 1:
        return [value]
    half = min(after - before for before, after in pairwise(values)) / 2
    return [near for near in (value - half, value, value + half) if near > 0]
