"""What a network loses by computing in fewer bits, and whether that is too much.

Shapes: (H, W) a picture and its label map.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.evaluation import ConfusionMatrix
from deeplab.inference import Engine, Segmenter

_MOST_MIOU_POINTS = 1.0
_MOST_LABEL_POINTS = 3.0  # where there are no label maps: 97 % of the labels have to stay


@dataclass(frozen=True)
class Probe:
    """A picture to measure on.

    Attributes:
        name: What messages call it.
        read_picture: Gives it: (H, W, bands), uint8.
        read_labels: Gives its true label map (H, W); None: it has none.
    """

    name: str
    read_picture: Callable[[], imaging.Picture]
    read_labels: Callable[[], imaging.LabelMap] | None = None


@dataclass(frozen=True)
class Loss:
    """What a network loses, and gains.

    Attributes:
        num_pictures: That were scored by both.
        same_labels: Pixels with the label that float32 gives them, 0..1.
        miou_before: Mean IoU in float32, 0..1; None: the pictures have no label maps.
        miou_after: Mean IoU in fewer bits, likewise.
        speed: Times as fast as float32, on this machine, pictures in turn.
    """

    num_pictures: int
    same_labels: float
    miou_before: float | None
    miou_after: float | None
    speed: float

    @property
    def miou_change(self) -> float | None:
        """Mean IoU after minus before, -1..1; None: not known."""
        if self.miou_before is None or self.miou_after is None:
            return None
        return self.miou_after - self.miou_before

    def describe(self) -> str:
        """Say it in words."""
        same = f"{self.same_labels:.2%} of the labels stay"
        if self.miou_before is None or self.miou_after is None:
            return same
        before, after = 100 * self.miou_before, 100 * self.miou_after
        return f"mean IoU {after:.2f} instead of {before:.2f} ({after - before:+.2f}), {same}"

    def check(self, accepted_points: float | None = None) -> None:
        """Refuse a loss that is too large.

        Args:
            accepted_points: Of mean IoU, or of equal labels where there are no label maps; None:
                1 point of mean IoU, 3 points of labels.

        Raises:
            ValueError: It is larger; the message says how to accept it.
        """
        if self.miou_before is None or self.miou_after is None:
            lost, what = 100 * (1 - self.same_labels), "of the labels change"
            allowed = _MOST_LABEL_POINTS if accepted_points is None else accepted_points
            said = f"{lost:.2f} % {what}"
        else:
            lost = 100 * (self.miou_before - self.miou_after)
            allowed = _MOST_MIOU_POINTS if accepted_points is None else accepted_points
            said = (
                f"mean IoU falls by {lost:.2f} points, from {100 * self.miou_before:.2f} to "
                f"{100 * self.miou_after:.2f}"
            )
        if not lost <= allowed:
            raise ValueError(
                f"in 8 bits {said} on {self.num_pictures} pictures (allowed: {allowed:g}); nothing "
                "was written; calibrate on more pictures that are like those to be segmented, or "
                f"accept the loss: --accept-loss {np.ceil(10 * lost) / 10:g}"
            )


def measure_loss(
    changed: Engine,
    network: Engine,
    probes: Sequence[Probe],
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Loss:
    """Segment pictures with both, each at its full size, and compare.

    Args:
        changed: The network in fewer bits.
        network: The network in float32, in the same runtime.
        probes: At least one picture; label maps are scored if all have one.
        progress: Called with pictures done and pictures in all.
    """
    engines = _Timed(network), _Timed(changed)
    segmenters = [Segmenter(engine) for engine in engines]
    scores = [ConfusionMatrix(network.card.class_names) for _ in engines]
    is_labelled = all(probe.read_labels for probe in probes)
    same_labels = []
    for number, probe in enumerate(probes):
        picture = probe.read_picture()
        if number == 0:
            _warm_up(segmenters, engines, picture)
        first, second = [segmenter(picture).labels for segmenter in segmenters]
        same_labels.append(float((first == second).mean()))
        if is_labelled and probe.read_labels is not None:
            truth = probe.read_labels()
            for matrix, labels in zip(scores, (first, second), strict=True):
                matrix.add(truth, labels, picture_name=probe.name)
        progress(number + 1, len(probes))
    before, after = (matrix.scores().mean_iou if is_labelled else None for matrix in scores)
    speed = engines[0].seconds / max(engines[1].seconds, 1e-9)
    return Loss(len(probes), float(np.mean(same_labels)), before, after, speed)


class _Timed(Engine):
    """An engine, and the seconds that it took."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.card = engine.card
        self.seconds = 0.0

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        start = time.perf_counter()
        scores = self._engine.class_scores(pictures)
        self.seconds += time.perf_counter() - start
        return scores


def _warm_up(
    segmenters: Sequence[Segmenter], engines: Sequence[_Timed], picture: imaging.Picture
) -> None:
    """Run each once, which takes longer, and forget the time."""
    for segmenter, engine in zip(segmenters, engines, strict=True):
        segmenter.score(picture)
        engine.seconds = 0.0
