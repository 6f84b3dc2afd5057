"""Data sets on disk: which picture goes with which label map, and how both are read.

What a data set is stands in its `data.yaml`, or is known by its folders; see `description` and
`layouts`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab import bands, imaging
from deeplab.data.coding import PLAIN, LabelCoding
from deeplab.data.description import DataDescription
from deeplab.data.layouts import describe
from deeplab.data.pairing import Entry, list_entries
from deeplab.labels import LabelSet


@dataclass(frozen=True)
class Sample:
    """One picture and its label map.

    Attributes:
        name: The picture's id within its data set.
        picture_path: Any picture file.
        label_path: Its label map; None in a split without label maps.
        coding: What the values in the label map mean.
    """

    name: str
    picture_path: Path
    label_path: Path | None
    coding: LabelCoding = PLAIN

    def read_picture(self, num_bands: int = 3) -> imaging.Picture:
        """Read the picture: (H, W, num_bands) uint8, three being RGB; see `bands.read_bands`."""
        return bands.read_bands(self.picture_path, num_bands)

    def read_picture_size(self) -> tuple[int, int]:
        """Read height and width of the picture, upright, from the head of its file.

        Raises:
            ValueError: Not a picture.
        """
        return bands.read_size(self.picture_path)

    def read_labels(self, num_classes: int) -> imaging.LabelMap:
        """Read the label map: (H, W), 0..K-1 and void, see `labels.void_of`.

        Raises:
            ValueError: There is none, or a value in it is neither that of a class nor void; the
                message names file and values.
        """
        if self.label_path is None:
            raise ValueError(f"{self.picture_path}: this picture has no label map")
        return self.coding.read(self.label_path, num_classes)


@dataclass(frozen=True)
class SegmentationData:
    """The samples of one split, in the order of its list.

    Attributes:
        samples: At least one.
        label_set: Their classes.
    """

    samples: tuple[Sample, ...]
    label_set: LabelSet


def open_split(root: Path, split: str, *, labelled: bool = True) -> SegmentationData:
    """List a split of a data set on disk; nothing is decoded.

    Args:
        root: Its folder (`VOCdevkit/VOC2012`, one with `images` and `masks`, ...), or its
            `data.yaml`.
        split: Name of one of its splits.
        labelled: Whether every picture has to have a label map; without, pictures alone are taken.

    Raises:
        ValueError: The layout is not known, the split does not exist or is empty, or files are
            missing.
    """
    description = describe(root)
    entries = list_entries(description, split)
    _check(entries, description, split, labelled)
    samples = tuple(
        Sample(
            entry.name,
            entry.picture_paths[0],
            entry.label_paths[0] if entry.label_paths else None,
            description.coding,
        )
        for entry in entries
    )
    return SegmentationData(samples, description.label_set)


def _check(
    entries: Sequence[Entry], description: DataDescription, split: str, labelled: bool
) -> None:
    files = description.split(split)
    if not entries:
        raise ValueError(f"{files.list_path or files.images}: split {split!r} is empty")
    if labelled and not any(entry.label_paths for entry in entries) and files.masks is None:
        raise ValueError(
            f"{description.root}: split {split!r} has no label maps; take another one, or say "
            "where they are (`masks` in data.yaml)"
        )
    missing = [
        entry.name
        for entry in entries
        if not entry.picture_paths or (labelled and not entry.label_paths)
    ]
    if missing:
        what = f" or no label map (.png) in {files.masks or description.root}" if labelled else ""
        raise ValueError(
            f"split {split!r}: {len(missing)} of {len(entries)} names have no picture in "
            f"{files.images}{what}: {_some(missing)}"
        )
    twice = [
        entry.name
        for entry in entries
        if len(entry.picture_paths) > 1 or len(entry.label_paths) > 1
    ]
    if twice:
        raise ValueError(
            f"split {split!r}: several files of one name in {files.images} (or for its label map), "
            f"of which only one can be the picture: {_some(twice)}"
        )


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
