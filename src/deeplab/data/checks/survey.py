"""Look at all files of a data set once, and note what later judgements need."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from PIL import ExifTags, Image

from deeplab import imaging
from deeplab.data.checks.raw_labels import (
    NARROW_MODES,
    LabelFacts,
    glance_at_labels,
    look_at_labels,
)
from deeplab.data.description import DataDescription
from deeplab.data.duplicates import fingerprint
from deeplab.data.pairing import Entry, list_entries
from deeplab.processor import in_order, num_cores

Tell = Callable[[int, int], None]

_SAMPLE = 32  # label maps that the quick look decodes ...
_SAMPLE_PIXELS = 6_000_000  # ... until they have so many pixels
_LEAST_SAMPLE = 4
_ODD_SAMPLE = 8  # and of those in a mode that is no label map's


@dataclass(frozen=True)
class PictureFacts:
    """What is known of a picture file.

    Attributes:
        problem: Why it cannot be read; empty if it can.
        stored_size: Height and width as stored.
        orientation: Its EXIF tag, 1..8; 1 is upright.
        digest: Of its pixels, upright; empty if it was not decoded.
        fingerprint: See `duplicates`; None if it was not decoded.
    """

    problem: str = ""
    stored_size: tuple[int, int] = (0, 0)
    orientation: int = 1
    digest: bytes = b""
    fingerprint: int | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the picture, upright."""
        height, width = self.stored_size
        return (width, height) if self.orientation >= 5 else (height, width)


@dataclass(frozen=True)
class Survey:
    """What was seen of a data set.

    Attributes:
        description: What it says about itself.
        entries: The pictures of each split.
        problems: Why the list of a split cannot be read.
        pictures: What is known of each picture file.
        labels: Likewise of label map files.
        is_full: Whether every file was decoded.
    """

    description: DataDescription
    entries: Mapping[str, Sequence[Entry]]
    problems: Mapping[str, str] = field(default_factory=dict)
    pictures: Mapping[Path, PictureFacts] = field(default_factory=dict)
    labels: Mapping[Path, LabelFacts] = field(default_factory=dict)
    is_full: bool = True

    @property
    def num_classes(self) -> int:
        """How many classes the data set has."""
        return len(self.description.label_set.class_names)

    def labelled(self) -> Iterator[tuple[str, Entry, Path]]:
        """Go through all splits: their entries, and the one label map of each that has one."""
        for split, entries in self.entries.items():
            for entry in entries:
                if len(entry.label_paths) == 1:
                    yield split, entry, entry.label_paths[0]


def look(description: DataDescription, splits: Iterable[str], *, tell: Tell) -> Survey:
    """Decode all files of some splits, several at once.

    Args:
        description: Of the data set.
        splits: The splits.
        tell: Told how many files of how many are done.
    """
    entries, problems = _list(description, splits)
    pictures, labels = _files(entries)
    jobs = [
        partial(_look_at_one, path, is_picture) for path, is_picture in _mixed(pictures, labels)
    ]
    seen_pictures: dict[Path, PictureFacts] = {}
    seen_labels: dict[Path, LabelFacts] = {}
    for done, (path, facts) in enumerate(
        in_order(lambda job: job(), jobs, workers=num_cores()), start=1
    ):
        if isinstance(facts, PictureFacts):
            seen_pictures[path] = facts
        else:
            seen_labels[path] = facts
        tell(done, len(jobs))
    return Survey(description, entries, problems, seen_pictures, seen_labels)


def glance(
    description: DataDescription, splits: Iterable[str], *, decode_all: bool = False
) -> Survey:
    """Read the heads of all files of some splits, and decode a few label maps.

    Args:
        description: Of the data set.
        splits: The splits.
        decode_all: Decode all label maps.
    """
    entries, problems = _list(description, splits)
    pictures, labels = _files(entries)
    seen = {path: glance_at_labels(path) for path in labels}
    chosen = labels if decode_all else _sample(seen)
    looked_at = in_order(look_at_labels, chosen, workers=num_cores())
    seen |= dict(zip(chosen, looked_at, strict=True))
    heads = {path: glance_at_picture(path) for path in pictures}
    return Survey(description, entries, problems, heads, seen, is_full=False)


def glance_at_picture(path: Path) -> PictureFacts:
    """Read the head of a picture file: its size and how it is turned."""
    try:
        with Image.open(path) as image:
            width, height = image.size
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return look_at_picture(path)  # for the reason in words
    is_known = isinstance(orientation, int) and 1 <= orientation <= 8
    return PictureFacts("", (height, width), orientation if is_known else 1)


def look_at_picture(path: Path) -> PictureFacts:
    """Decode a picture file."""
    try:
        picture = imaging.read_picture(path)
        head = glance_at_picture(path)
        digest = hashlib.blake2b(repr(picture.shape).encode(), digest_size=16)
        digest.update(picture.tobytes())
        return PictureFacts(
            "", head.stored_size, head.orientation, digest.digest(), fingerprint(path)
        )
    except ValueError as error:
        return PictureFacts(str(error).removeprefix(f"{path}: "))


def _look_at_one(path: Path, is_picture: bool) -> tuple[Path, PictureFacts | LabelFacts]:
    return path, look_at_picture(path) if is_picture else look_at_labels(path)


def _list(
    description: DataDescription, splits: Iterable[str]
) -> tuple[dict[str, list[Entry]], dict[str, str]]:
    entries: dict[str, list[Entry]] = {}
    problems = {}
    for split in splits:
        try:
            entries[split] = list_entries(description, split)
        except ValueError as error:
            entries[split], problems[split] = [], str(error)
    return entries, problems


def _files(entries: Mapping[str, Sequence[Entry]]) -> tuple[list[Path], list[Path]]:
    """List the files of all splits, each once."""
    every = [entry for of_split in entries.values() for entry in of_split]
    pictures = dict.fromkeys(path for entry in every for path in entry.picture_paths)
    labels = dict.fromkeys(path for entry in every for path in entry.label_paths)
    return list(pictures), list(labels)


def _mixed(pictures: list[Path], labels: list[Path]) -> Iterator[tuple[Path, bool]]:
    """Take pictures and label maps in turn: progress then goes evenly."""
    for index in range(max(len(pictures), len(labels))):
        if index < len(pictures):
            yield pictures[index], True
        if index < len(labels):
            yield labels[index], False


def _sample(heads: Mapping[Path, LabelFacts]) -> list[Path]:
    """Choose label maps from all over the data set, and some in modes that are no label map's."""
    readable = [path for path, head in heads.items() if not head.problem and not head.is_decoded]
    odd: dict[str, list[Path]] = {}
    for path in readable:
        if heads[path].mode not in NARROW_MODES or heads[path].is_lossy:
            odd.setdefault(heads[path].mode, []).append(path)
    chosen = [path for paths in odd.values() for path in paths[:_ODD_SAMPLE]]
    pixels = 0
    for path in readable[:: max(1, len(readable) // _SAMPLE)]:
        height, width = heads[path].size
        pixels += height * width
        if len(chosen) >= _LEAST_SAMPLE and pixels > _SAMPLE_PIXELS:
            break
        chosen.append(path)
    return list(dict.fromkeys(chosen))
