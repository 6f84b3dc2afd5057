"""The pictures of each split with their label maps, and how `data.yaml` says where they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.init.match import Match
from deeplab.data.pairing import list_entries
from deeplab.labels import named

POOL = ""
"""The split of pictures that nothing divides into splits yet."""


@dataclass(frozen=True)
class Item:
    """A picture and its label map.

    Attributes:
        name: Its id; of pictures in `files` of a part, as a list there names it.
        picture_path: The picture.
        label_path: Its label map; None in a split without.
    """

    name: str
    picture_path: Path
    label_path: Path | None


@dataclass(frozen=True)
class Part:
    """The pictures of one split, or of all that are still to be dealt to splits.

    Attributes:
        items: At least one, with different names.
        files: Folders that hold them, for `data.yaml`; None: only a list of pairs can say it.
        is_whole: Whether `files` alone means just these items; else it takes a list of names.
    """

    items: tuple[Item, ...]
    files: SplitFiles | None = None
    is_whole: bool = False


@dataclass(frozen=True)
class Layout:
    """How a folder is laid out.

    Attributes:
        what: In one line, with what decided it.
        parts: The splits, or `POOL` alone.
        notes: What was left out or assumed, one sentence each.
    """

    what: str
    parts: Mapping[str, Part]
    notes: tuple[str, ...] = ()


def make_part(root: Path, match: Match, images: Sequence[Path], masks: Sequence[Path]) -> Part:
    """Make a part of matched files, in folders where `data.yaml` can say them so.

    Args:
        root: The data set's folder.
        match: Which label map belongs to which picture.
        images: Folders that hold the pictures.
        masks: Folders that hold the label maps.
    """
    pairs = match.pairs
    if len(images) == len(masks) == 1 and match.label_ending is not None:
        for files in _ways_to_say(match, images[0], masks[0]):
            part = _say_in_folders(root, files, pairs)
            if part:
                return part
    items = (
        Item(path.relative_to(root).with_suffix("").as_posix(), path, label)
        for path, label in pairs.items()
    )
    return Part(tuple(sorted(items, key=lambda item: item.name)))


def list_items(root: Path, files: SplitFiles) -> tuple[tuple[Item, ...], int]:
    """List the items of a split that have both files, and count those that have not.

    Raises:
        ValueError: A list that cannot be read.
    """
    description = DataDescription(root, named(("any",)), {"it": files})
    entries = list_entries(description, "it")
    items = {
        entry.name: Item(entry.name, entry.picture_paths[0], entry.label_paths[0])
        for entry in entries
        if len(entry.picture_paths) == len(entry.label_paths) == 1
    }
    return tuple(items.values()), len(entries) - len(items)


def _ways_to_say(match: Match, images: Path, masks: Path) -> list[SplitFiles]:
    picture_formats = sorted({path.suffix for path in match.pairs})
    label_formats = sorted({path.suffix for path in match.pairs.values()})
    plain = SplitFiles(images, masks)
    if len(label_formats) > 1:
        return [plain]
    picture_suffix = f"{match.picture_ending}{picture_formats[0]}"
    labels_end = replace(plain, mask_suffix=f"{match.label_ending}{label_formats[0]}")
    both_end = replace(labels_end, image_suffix=picture_suffix)
    return [plain, labels_end, both_end] if len(picture_formats) == 1 else [plain, labels_end]


def _say_in_folders(root: Path, files: SplitFiles, pairs: Mapping[Path, Path]) -> Part | None:
    """Check what such an entry in `data.yaml` would be read as; None: not as these pairs."""
    items, num_others = list_items(root, files)
    read = {item.picture_path: item.label_path for item in items}
    if any(read.get(picture) != label for picture, label in pairs.items()):
        return None
    wanted = tuple(item for item in items if item.picture_path in pairs)
    return Part(wanted, files, is_whole=len(wanted) == len(items) and num_others == 0)
