"""What is looked at before training: how many pictures, and a hash to know label maps by.

The label maps of the same pictures come in several makes (`SegmentationClassAug` above all: with
and without the official void borders), and a network learns what it is given. Two runs whose hashes
agree learn from the same lists, and in all likelihood from the same label maps.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from deeplab.data import Sample, SegmentationData, open_split
from deeplab.data.official import NUM_PICTURES
from deeplab.data.stream import DataConfig, SourceConfig
from deeplab.labels import void_of
from deeplab.runs.findings import Findings

_NUM_LOOKED_AT = 32
_NUM_DIGITS = 12


def look_at_data(data: DataConfig) -> tuple[Findings, tuple[str, ...], int]:
    """Look at the sources of a run.

    Returns:
        What was found, the class names of the first source, and the number of training pictures.

    Raises:
        ValueError: A source is missing, or a label map that was looked at is wrong.
    """
    findings = Findings()
    class_names: tuple[str, ...] = ()
    num_pictures = 0
    for place, source in enumerate(data.train):
        opened = open_split(source.root, source.split)
        class_names = class_names or opened.label_set.class_names
        count = len(opened.samples)
        if place == 0 and data.holdout_every:
            count -= len(range(0, count, data.holdout_every))
        num_pictures += count
        findings += _look_at_source(source, opened)
    return findings + _look_at_scoring(data), class_names, num_pictures


def hash_names(samples: Sequence[Sample]) -> str:
    """Hash the names of a list, in their order."""
    return _short(hashlib.sha256("".join(f"{one.name}\n" for one in samples).encode()))


def hash_labels(samples: Sequence[Sample], num_classes: int) -> tuple[str, int]:
    """Hash label maps by what they mean, whatever the files hold, and however compressed.

    Returns:
        The hash, over names, sizes and label ids, and the number of label maps that hold void.
    """
    digest = hashlib.sha256()
    num_with_void = 0
    for sample in samples:
        labels = sample.read_labels(num_classes)
        digest.update(sample.name.encode() + b"\0" + np.array(labels.shape, "<u4").tobytes())
        digest.update(labels.tobytes())
        num_with_void += bool((labels == void_of(num_classes)).any())
    return _short(digest), num_with_void


def spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """Take so many samples, evenly over the list; all of them if there are not more."""
    places = np.unique(np.linspace(0, len(samples) - 1, min(count, len(samples))).astype(int))
    return [samples[place] for place in places]


def _look_at_source(source: SourceConfig, opened: SegmentationData) -> Findings:
    samples = opened.samples
    seen = spread(samples, _NUM_LOOKED_AT)
    label_hash, num_with_void = hash_labels(seen, len(opened.label_set.class_names))
    fact = (
        f"data: {source.root.name}/{source.split}, {len(samples)} pictures, "
        f"{len(opened.label_set.class_names)} classes; list {hash_names(samples)}, "
        f"{len(seen)} label maps {label_hash} ({num_with_void} with void)"
    )
    return Findings((fact,), _doubts(source, opened, len(seen), num_with_void))


def _doubts(
    source: SourceConfig, opened: SegmentationData, num_seen: int, num_with_void: int
) -> tuple[str, ...]:
    name = opened.label_set.name
    official = NUM_PICTURES.get(name, {}).get(source.split)
    doubts = []
    if official not in (None, len(opened.samples)):
        doubts.append(
            f"{source.root.name}/{source.split} has {len(opened.samples)} pictures, {official} as "
            "published"
        )
    if (name, source.split) == ("voc12", "trainaug") and num_with_void in (0, num_seen):
        doubts.append(
            f"{'none' if num_with_void == 0 else 'all'} of {num_seen} label maps of trainaug hold "
            "void; as published the 1 464 official ones do, and those of SBD do not: make them with"
            " `deeplab data prepare voc12`"
        )
    return tuple(doubts)


def _look_at_scoring(data: DataConfig) -> Findings:
    if data.validation is None:
        how = f"every {data.holdout_every}th picture" if data.holdout_every else "no pictures"
        return Findings((f"scored on: {how}",))
    source = data.validation
    opened = open_split(source.root, source.split)
    fact = (
        f"scored on: {source.root.name}/{source.split}, {len(opened.samples)} pictures, list "
        f"{hash_names(opened.samples)}"
    )
    return Findings((fact,), _doubts(source, opened, 0, 0))


def _short(digest: "hashlib._Hash") -> str:
    return digest.hexdigest()[:_NUM_DIGITS]
