"""What the data sets of the paper share when they are prepared: pairs written, checked and counted.

A prepared set holds pictures (hard links where possible), label maps as indexed PNG, lists of
names, and a `data.yaml`. Label maps are written only where they differ from what is there, so the
same command goes on after an interruption, and a second one changes nothing.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from deeplab import drawing, imaging, whole_files
from deeplab.data.description import FILE_NAME, DataDescription, to_yaml
from deeplab.data.place import place_file
from deeplab.data.samples import Sample
from deeplab.labels import VOID, LabelSet

Tell = Callable[[int, int], None]
"""Told how many of how many are done."""

_MOST_SHOWN = 5


@dataclass(frozen=True)
class Options:
    """What a prepare function may be told beside its folders.

    Attributes:
        tell: Told after each picture.
        skip_empty: Leave out pictures in which nothing is labelled but background and void; only
            for sets that offer it.
    """

    tell: Tell = lambda done, total: None
    skip_empty: bool = False


class Prepare(Protocol):
    """Prepare one data set: `prepare(source_dir, target_dir, options)`."""

    def __call__(self, source_dir: Path, target_dir: Path, options: Options) -> "PreparedSet":
        """Read the official files below one folder, write the prepared set into another.

        Raises:
            ValueError: What is needed is not there, or files are wrong; what could be prepared
                stays, and the same command goes on.
        """
        ...


@dataclass(frozen=True)
class Pair:
    """One picture and its label map, to be written.

    Attributes:
        name: The picture's id, in lists and in the hash.
        picture_path: The picture as it is.
        read_labels: Gives the label map, (H, W) uint8 of label ids and 255; ValueError if it
            cannot.
        picture_place: Where the picture goes, relative to the prepared set.
        labels_place: Where the label map goes, likewise; ends in `.png`.
    """

    name: str
    picture_path: Path
    read_labels: Callable[[], imaging.LabelMap]
    picture_place: Path
    labels_place: Path


@dataclass(frozen=True)
class Written:
    """What became of the pairs.

    Attributes:
        num_pairs: How many there are now.
        num_changed: How many label maps were written now; the others were there already.
        label_hash: sha256 over all label maps in the order of their names: of each the name, a zero
            byte, height and width (two 32-bit numbers, least byte first), and its ids row by row.
            It does not depend on how the PNG files are compressed.
    """

    num_pairs: int
    num_changed: int
    label_hash: str


@dataclass(frozen=True)
class PreparedSet:
    """What was prepared, and what a full set has beside.

    Attributes:
        name: Of the data set.
        counts: Pictures in each split.
        written: The label maps.
        lacking: What a full set has beside, one sentence each; none: the set is complete.
    """

    name: str
    counts: Mapping[str, int]
    written: Written
    lacking: tuple[str, ...] = ()

    def summary(self) -> str:
        """Say in one line what there is, whether it is all, and its hash."""
        counts = ", ".join(f"{split} {count}" for split, count in self.counts.items())
        state = f"PARTIAL ({'; '.join(self.lacking)})" if self.lacking else "complete"
        return (
            f"{self.name}: {state}; {counts}; {self.written.num_pairs} label maps "
            f"({self.written.num_changed} written now), sha256 {self.written.label_hash}"
        )


def write_pairs(
    pairs: Sequence[Pair], target_dir: Path, label_set: LabelSet, *, tell: Tell
) -> Written:
    """Write pictures and label maps, each checked: size of the picture, ids of the label set.

    Args:
        pairs: With different names.
        target_dir: Of the prepared set.
        label_set: Classes that may occur (and void), and their colours.
        tell: Told after each pair.

    Raises:
        ValueError: Some could not be written; the message names the first of them and why. All
            others are there.
    """
    digest = hashlib.sha256()
    num_changed = 0
    failures = []
    for done, pair in enumerate(sorted(pairs, key=lambda pair: pair.name), start=1):
        try:
            num_changed += _write_pair(pair, target_dir, label_set, digest.update)
        except ValueError as error:
            failures.append(str(error))
        tell(done, len(pairs))
    if failures:
        more = "; ..." if len(failures) > _MOST_SHOWN else ""
        raise ValueError(
            f"{len(failures)} of {len(pairs)} pictures could not be prepared: "
            f"{'; '.join(failures[:_MOST_SHOWN])}{more}. Correct these files and run the same "
            "command again: it goes on from here"
        )
    return Written(len(pairs), num_changed, digest.hexdigest())


def write_list(path: Path, names: Iterable[str]) -> None:
    """Write a list of names, one a line, if it is not there already; its folder is made."""
    content = "".join(f"{name}\n" for name in names).encode()
    _write_if_new(path, content)


def write_description(description: DataDescription) -> None:
    """Write `data.yaml`, if it is not there already, into the root of the prepared set."""
    description.root.mkdir(parents=True, exist_ok=True)
    _write_if_new(description.root / FILE_NAME, to_yaml(description).encode())


def lacking(counts: Mapping[str, int], official: Mapping[str, int]) -> tuple[str, ...]:
    """Say which splits are not of the size that they have in the paper.

    Args:
        counts: Pictures of each split that are there.
        official: Pictures of each split in the full set.
    """
    return tuple(
        f"{split}: {counts.get(split, 0)} of {number} pictures"
        for split, number in official.items()
        if counts.get(split, 0) != number
    )


def _write_pair(
    pair: Pair, target_dir: Path, label_set: LabelSet, update: Callable[[bytes], None]
) -> bool:
    labels = pair.read_labels()
    _check_size(pair, labels)
    _check_ids(pair, labels, len(label_set.class_names))
    place_file(pair.picture_path, target_dir / pair.picture_place)
    content = drawing.encode_label_map(labels, label_set.palette)
    update(pair.name.encode() + b"\0" + np.array(labels.shape, "<u4").tobytes())
    update(labels.tobytes())
    return _write_if_new(target_dir / pair.labels_place, content)


def _check_size(pair: Pair, labels: imaging.LabelMap) -> None:
    height, width = Sample(pair.name, pair.picture_path, pair.picture_path).read_picture_size()
    if labels.shape != (height, width):
        raise ValueError(
            f"{pair.name}: the label map is {labels.shape[1]}x{labels.shape[0]} pixels but its "
            f"picture {pair.picture_path} is {width}x{height}"
        )


def _check_ids(pair: Pair, labels: imaging.LabelMap, num_classes: int) -> None:
    found = np.flatnonzero(np.bincount(labels.ravel(), minlength=VOID + 1))
    strange = [str(label) for label in found if num_classes <= label != VOID]
    if strange:
        raise ValueError(
            f"{pair.name}: label ids {', '.join(strange[:_MOST_SHOWN])}; allowed are "
            f"0..{num_classes - 1} and void ({VOID})"
        )


def _write_if_new(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))
    return True
