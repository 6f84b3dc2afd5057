"""Score a network on a data set: the same Segmenter that users run, and one confusion matrix."""

from collections.abc import Callable, Collection
from contextlib import closing
from typing import get_args

import numpy as np

from deeplab.data import Sample, SegmentationData
from deeplab.evaluation.conventions import Convention, check_convention
from deeplab.evaluation.keep import Keep
from deeplab.evaluation.mask_folder import MaskFolder
from deeplab.evaluation.measure import PictureResult
from deeplab.evaluation.record import Evaluation, MeasureName
from deeplab.evaluation.scores import Scores
from deeplab.evaluation.tally import Counted, Tally
from deeplab.inference import ScoreFolder, Segmenter
from deeplab.labels import void_of
from deeplab.processor import in_order

Scorer = Segmenter | ScoreFolder | MaskFolder
"""What can be scored: a network, class scores in files, label maps in files."""


def evaluate(
    segmenter: Scorer,
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
    segmenter: Scorer,
    data: SegmentationData,
    *,
    measures: Collection[MeasureName] = (),
    convention: Convention = "devkit",
    limit: int | None = None,
    workers: int = 1,
    keep: Keep | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Segment every picture at its full size and score the label maps against the true ones.

    A few pictures are in memory at a time, whatever the size of the data set, and of each picture
    only its counts stay. With a CRF, the label maps before it are scored too.

    Args:
        segmenter: What is scored, with the scales, the mirroring and the CRF it was loaded with; of
            a folder every picture must be there.
        data: The pictures and their true label maps.
        measures: What to measure beside the scores, such as "trimap".
        convention: What means over classes do with those that are nowhere: "devkit", "present".
        limit: Score only so many pictures, spread evenly over the list; None scores all.
        workers: How many pictures are segmented at once; the numbers are the same for any.
        keep: Where counts are kept now and then, to go on from: an evaluation that was interrupted
            ends with the same numbers as one that was not.
        progress: Called after each picture with the number done and the number in all.

    Raises:
        ValueError: The network scores other classes than the data set has, `limit` is below 1, a
            measure or convention is unknown, or a picture has no true label map or one
            that does not fit it or holds a label that is no class.
    """
    class_names = data.label_set.class_names
    if not isinstance(segmenter, MaskFolder):
        _check_classes(segmenter.card.class_names, data)
    _check_choices(measures, convention)
    samples = spread(data.samples, limit)
    _check_labels(samples)

    def make() -> Tally:
        return Tally(class_names, measures, convention)

    def count(sample: Sample) -> list[Counted]:
        tally = make()
        return [tally.count(result) for result in _segment(segmenter, sample, len(class_names))]

    tallies = _tally(samples, count, make, workers=workers, keep=keep, progress=progress)
    before = tallies[1].read() if len(tallies) > 1 else None
    return tallies[0].read(without_crf=before)


def _tally(
    samples: tuple[Sample, ...],
    count: Callable[[Sample], list[Counted]],
    make: Callable[[], Tally],
    *,
    workers: int,
    keep: Keep | None,
    progress: Callable[[int, int], None],
) -> list[Tally]:
    """Count all pictures: of the results, and if there is a CRF of those before it."""
    tallies = keep.restore(samples, make) if keep else []
    rest = samples[len(tallies[0]) if tallies else 0 :]
    are_level = True  # no tally is ahead of another
    try:
        with closing(in_order(count, rest, workers=workers)) as counts:
            for sample, counted in zip(rest, counts, strict=True):
                tallies = tallies or [make() for _ in counted]
                are_level = False
                for tally, one in zip(tallies, counted, strict=True):
                    tally.add(sample, one)
                are_level = True
                if keep:
                    keep.write_if_due(samples, tallies)
                progress(len(tallies[0]), len(samples))
    finally:
        if keep and are_level:
            keep.write(samples, tallies)
    return tallies


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


def _segment(segmenter: Scorer, sample: Sample, num_classes: int) -> list[PictureResult]:
    """Segment one picture: the result, and with a CRF what it would be without."""
    name = f"{sample.label_path} (picture {sample.picture_path.name})"
    truth, void = sample.read_labels(num_classes), void_of(num_classes)
    if isinstance(segmenter, MaskFolder):
        labels = segmenter.read(sample, num_classes)
        return [PictureResult(name, truth, labels, None, void, sample.label_path)]
    result = segmenter(sample.picture_path)
    results = [result] if result.unrefined is None else [result, result.without_crf()]
    return [
        PictureResult(name, truth, one.labels, one.confidence, void, sample.label_path)
        for one in results
    ]


def _check_labels(samples: tuple[Sample, ...]) -> None:
    for sample in samples:
        if sample.label_path is None:
            raise ValueError(
                f"{sample.picture_path}: this picture has no label map to be scored against; "
                "choose a split with label maps"
            )


def _check_choices(measures: Collection[str], convention: str) -> None:
    check_convention(convention)
    unknown = set(measures) - set(get_args(MeasureName))
    if unknown:
        raise ValueError(
            f"measure {sorted(unknown)[0]!r}: known are {', '.join(get_args(MeasureName))}"
        )


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
