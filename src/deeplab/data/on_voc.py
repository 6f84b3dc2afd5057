"""Label maps that were drawn later on pictures of VOC: PASCAL-Context, PASCAL-Person-Part.

Prepared they are `images/NAME.jpg`, `masks/NAME.png`, a list for each split, and `data.yaml`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deeplab.data.find import Folder, find_list, find_pictures
from deeplab.data.mat import holds
from deeplab.data.prepared import (
    Options,
    Pair,
    PreparedSet,
    lacking,
    write_list,
    write_pairs,
)
from deeplab.imaging import LabelMap
from deeplab.labels import LabelSet

_OTHERS = {"JPEGImages", "SegmentationClass", "SegmentationClassAug", "SegmentationObject"}


@dataclass(frozen=True)
class LabelFiles:
    """The files of label maps that were found.

    Attributes:
        by_name: The files by the ids of their pictures.
        are_mat: Whether they are MATLAB files, else PNGs.
        folder: Where they lie.
    """

    by_name: Mapping[str, Path]
    are_mat: bool
    folder: Path


def find_label_files(folders: Sequence[Folder], variable: str, wanted: str) -> LabelFiles:
    """Find the folder of label maps: MATLAB files with a variable, else PNGs.

    Args:
        folders: Where to look. VOC's own label maps are passed over.
        variable: What the MATLAB files hold.
        wanted: What is looked for, for the message.

    Raises:
        ValueError: There is none.
    """
    for suffix in (".mat", ".png"):
        found = [(folder.files(suffix), folder.path) for folder in folders]
        fitting = [
            (files, path)
            for files, path in found
            if files
            and path.name not in _OTHERS
            and (suffix == ".png" or holds(next(iter(files.values())), variable))
        ]
        if fitting:
            files, path = max(fitting, key=lambda pair: len(pair[0]))
            return LabelFiles(files, suffix == ".mat", path)
    raise ValueError(f"{folders[0].path}: no label maps below it; expected {wanted}")


def with_pictures(files: LabelFiles, folders: Sequence[Folder]) -> dict[str, Path]:
    """Find the pictures of label maps.

    Returns:
        The picture of each id that has both.

    Raises:
        ValueError: No label map has a picture.
    """
    pictures = find_pictures(folders)
    here = {name: pictures[name] for name in sorted(files.by_name) if name in pictures}
    if not here:
        raise ValueError(
            f"{files.folder}: none of its {len(files.by_name)} label maps has a picture "
            f"(NAME.jpg) below {folders[0].path}; unpack VOCtrainval_03-May-2010.tar there"
        )
    return here


@dataclass(frozen=True)
class Splits:
    """Pictures dealt out to splits.

    Attributes:
        names: The ids of each split that can be prepared.
        are_official: Whether the lists have as many ids as the published ones.
    """

    names: Mapping[str, Sequence[str]]
    are_official: bool


def find_splits(
    folders: Sequence[Folder], names: Sequence[str], official: Mapping[str, int]
) -> Splits:
    """Deal out pictures by the lists of the splits; without any list all are `trainval`.

    Args:
        folders: Where to look for lists.
        names: The pictures that can be prepared.
        official: How many pictures each split has in the full set.
    """
    here = set(names)
    lists = {
        split: find_list(folders, split, official=number, known=here)
        for split, number in official.items()
    }
    if not any(lists.values()):
        return Splits({"trainval": sorted(names)}, are_official=False)
    are_official = all(len(lists[split]) in (0, number) for split, number in official.items())
    chosen = {split: [name for name in ids if name in here] for split, ids in lists.items()}
    return Splits(chosen, are_official)


def write_set(
    label_set: LabelSet,
    splits: Mapping[str, Sequence[str]],
    pictures: Mapping[str, Path],
    read_labels: Callable[[str], LabelMap],
    target_dir: Path,
    *,
    official: Mapping[str, int],
    options: Options,
) -> PreparedSet:
    """Write a set whose pictures are those of VOC.

    Args:
        label_set: Its classes, and its name.
        splits: The ids in each.
        pictures: The picture of each id.
        read_labels: Gives the label map of an id.
        target_dir: Gets `images`, `masks`, lists and `data.yaml`.
        official: How many pictures each split has in the full set.
        options: Progress.

    Raises:
        ValueError: Files are wrong; see `write_pairs`.
    """
    names = sorted({name for split in splits.values() for name in split})
    pairs = [
        Pair(
            name=name,
            picture_path=pictures[name],
            read_labels=partial(read_labels, name),
            picture_place=Path("images", f"{name}.jpg"),
            labels_place=Path("masks", f"{name}.png"),
        )
        for name in names
    ]
    written = write_pairs(pairs, target_dir, label_set, tell=options.tell)
    for split, ids in splits.items():
        write_list(target_dir / f"{split}.txt", ids)
    counts = {split: len(ids) for split, ids in splits.items()}
    return PreparedSet(label_set.name, counts, written, lacking(counts, official))
