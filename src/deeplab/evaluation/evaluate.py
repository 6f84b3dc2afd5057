"""Score a network on a data set: the same Segmenter that users run, and one confusion matrix."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.data import Sample, SegmentationData
from deeplab.evaluation.metrics import ConfusionMatrix, Scores
from deeplab.evaluation.trimap import Trimap, TrimapCurve, distances_to_void
from deeplab.inference import ScoreFolder, Segmenter
from deeplab.processor import in_order


@dataclass(frozen=True)
class Evaluation:
    """What is known of a network after a data set.

    Attributes:
        scores: The measures.
        trimap: The score around boundaries, if it was asked for.
        without_crf: The same of the class scores before the CRF; None without a CRF.
    """

    scores: Scores
    trimap: TrimapCurve | None = None
    without_crf: "Evaluation | None" = None


def evaluate(
    segmenter: Segmenter | ScoreFolder,
    data: SegmentationData,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scores:
    """Segment every picture at its full size and score the label maps against the true ones.

    See `evaluate_closely`, which tells more.
    """
    return evaluate_closely(segmenter, data, limit=limit, progress=progress).scores


def evaluate_closely(
    segmenter: Segmenter | ScoreFolder,
    data: SegmentationData,
    *,
    with_trimap: bool = False,
    limit: int | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Segment every picture at its full size and score the label maps against the true ones.

    A few pictures are in memory at a time, whatever the size of the data set. With a CRF, the label
    maps before it are scored too.

    Args:
        segmenter: What is scored, with the scales, the mirroring and the CRF it was loaded with.
        data: The pictures and their true label maps.
        with_trimap: Measure the score around boundaries too.
        limit: Score only so many pictures, spread evenly over the list; None scores all.
        workers: How many pictures are segmented at once.
        progress: Called after each picture with the number done and the number in all.

    Raises:
        ValueError: The network scores other classes than the data set has, `limit` is below 1, or
            a true label map does not fit its picture or holds a label that is no class.
    """
    class_names = data.label_set.class_names
    _check_classes(segmenter.card.class_names, data)
    samples = spread(data.samples, limit)

    def segment(sample: Sample) -> tuple[NDArray[np.uint8], list[NDArray[np.uint8]]]:
        truth = sample.read_labels(len(class_names))
        result = segmenter(sample.picture_path)
        if result.unrefined is None:
            return truth, [result.labels]
        return truth, [result.labels, result.without_crf().labels]

    tallies: list[_Tally] = []  # of the results, and with a CRF of those before it
    segmented = in_order(segment, samples, workers=workers)
    for done, (sample, (truth, label_maps)) in enumerate(zip(samples, segmented, strict=True), 1):
        if not tallies:
            tallies = [_Tally(class_names, with_trimap) for _ in label_maps]
        distances = distances_to_void(truth) if with_trimap else None
        for tally, labels in zip(tallies, label_maps, strict=True):
            tally.add(truth, labels, distances, _describe(sample))
        progress(done, len(samples))
    before = Evaluation(*tallies[1].read()) if len(tallies) > 1 else None
    return Evaluation(*tallies[0].read(), without_crf=before)


def spread(samples: tuple[Sample, ...], limit: int | None) -> tuple[Sample, ...]:
    """Take only so many samples, spread evenly over the list.

    Raises:
        ValueError: `limit` is below 1.
    """
    if limit is None:
        return samples
    if limit < 1:
        raise ValueError(f"limit {limit}: score at least 1 picture, or leave the limit out")
    count = min(limit, len(samples))
    chosen = np.linspace(0, len(samples) - 1, count).round().astype(int)
    return tuple(samples[index] for index in chosen)


class _Tally:
    """All counts of one kind of label maps."""

    def __init__(self, class_names: tuple[str, ...], with_trimap: bool) -> None:
        self._matrix = ConfusionMatrix(class_names)
        self._trimap = Trimap(len(class_names)) if with_trimap else None

    def add(
        self,
        truth: NDArray[np.uint8],
        labels: NDArray[np.uint8],
        distances: NDArray[np.uint8] | None,
        picture_name: str,
    ) -> None:
        self._matrix.add(truth, labels, picture_name=picture_name)
        if self._trimap is not None and distances is not None:
            self._trimap.add(truth, labels, distances)

    def read(self) -> tuple[Scores, TrimapCurve | None]:
        return self._matrix.scores(), None if self._trimap is None else self._trimap.curve()


def _check_classes(network_names: tuple[str, ...], data: SegmentationData) -> None:
    data_names = data.label_set.class_names
    if network_names == data_names:
        return
    only = "; ".join(
        f"only the {owner} has {', '.join(sorted(names))}"
        for owner, names in (
            ("network", set(network_names) - set(data_names)),
            ("data set", set(data_names) - set(network_names)),
        )
        if names
    )
    raise ValueError(
        f"the network scores {len(network_names)} classes and the data set "
        f"({data.label_set.name}) has {len(data_names)}: "
        f"{only or 'the same names in another order'}; evaluate on the classes it was trained for"
    )


def _describe(sample: Sample) -> str:
    return f"{sample.label_path} (picture {sample.picture_path.name})"
