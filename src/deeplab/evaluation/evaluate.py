"""Score a network on a data set: the same Segmenter that users run, and one confusion matrix."""

from collections.abc import Callable

import numpy as np

from deeplab.data import Sample, SegmentationData
from deeplab.evaluation.metrics import ConfusionMatrix, Scores
from deeplab.inference import Segmenter


def evaluate(
    segmenter: Segmenter,
    data: SegmentationData,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Scores:
    """Segment every picture at its full size and score the label maps against the true ones.

    One picture is in memory at a time, whatever the size of the data set.

    Args:
        segmenter: What is scored, with the scales and the mirroring it was loaded with.
        data: The pictures and their true label maps.
        limit: Score only so many pictures, spread evenly over the list; None scores all.
        progress: Called after each picture with the number done and the number in all.

    Raises:
        ValueError: The network scores other classes than the data set has, `limit` is below 1, or
            a true label map does not fit its picture or holds a label that is no class.
    """
    class_names = data.label_set.class_names
    _check_classes(segmenter.card.class_names, data)
    samples = _spread(data.samples, limit)
    matrix = ConfusionMatrix(class_names)
    for done, sample in enumerate(samples, start=1):
        truth = sample.read_labels(len(class_names))
        predicted = segmenter(sample.picture_path).labels
        matrix.add(truth, predicted, picture_name=_describe(sample))
        progress(done, len(samples))
    return matrix.scores()


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


def _spread(samples: tuple[Sample, ...], limit: int | None) -> tuple[Sample, ...]:
    if limit is None:
        return samples
    if limit < 1:
        raise ValueError(f"limit {limit}: score at least 1 picture, or leave the limit out")
    count = min(limit, len(samples))
    chosen = np.linspace(0, len(samples) - 1, count).round().astype(int)
    return tuple(samples[index] for index in chosen)


def _describe(sample: Sample) -> str:
    return f"{sample.label_path} (picture {sample.picture_path.name})"
