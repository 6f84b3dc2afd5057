"""Label maps that were drawn later on pictures of VOC: PASCAL-Context, PASCAL-Person-Part.

Prepared they are `images/NAME.jpg`, `masks/NAME.png`, a list for each split, and `data.yaml`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.find import Folder, find_list, find_pictures
from deeplab.data.mat import holds
from deeplab.data.prepared import (
    Options,
    Pair,
    PreparedSet,
    lacking,
    write_description,
    write_list,
    write_pairs,
)
from deeplab.imaging import LabelMap
from deeplab.labels import LabelSet

_OTHERS = {"JPEGImages", "SegmentationClass", "SegmentationClassAug", "SegmentationObject"}


@dataclass(frozen=True)
class Found:
    """Label maps that were found, with their pictures.

    Attributes:
        folder: Where the label maps lie.
        label_paths: The label map of each id.
        picture_paths: The picture of each id.
        are_mat: Whether the label maps are MATLAB files, else PNGs.
    """

    folder: Path
    label_paths: Mapping[str, Path]
    picture_paths: Mapping[str, Path]
    are_mat: bool


def find_pairs(folders: Sequence[Folder], variable: str, wanted: str) -> Found:
    """Find the folder of label maps that has most pictures: MATLAB files, else PNGs.

    Args:
        folders: Where to look. VOC's own label maps are passed over.
        variable: What the MATLAB files hold.
        wanted: What is looked for, for the message.

    Raises:
        ValueError: There are no label maps, or none of them has a picture.
    """
    pictures = find_pictures(folders)
    without_pictures = []
    for suffix in (".mat", ".png"):
        for folder in sorted(
            folders, key=lambda folder: -len(pictures.keys() & folder.files(suffix))
        ):
            files = folder.files(suffix)
            if not files or folder.path.name in _OTHERS:
                continue
            if suffix == ".mat" and not holds(next(iter(files.values())), variable):
                continue
            names = sorted(pictures.keys() & files)
            if names:
                return Found(
                    folder.path,
                    {name: files[name] for name in names},
                    {name: pictures[name] for name in names},
                    are_mat=suffix == ".mat",
                )
            without_pictures.append(folder.path)
    if without_pictures:
        raise ValueError(
            f"{without_pictures[0]}: none of the label maps has a picture (NAME.jpg) below "
            f"{folders[0].path}; unpack VOCtrainval_03-May-2010.tar there"
        )
    raise ValueError(f"{folders[0].path}: no label maps below it; expected {wanted}")


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
    found: Found,
    read_labels: Callable[[Path], LabelMap],
    target_dir: Path,
    *,
    official: Mapping[str, int],
    options: Options,
) -> PreparedSet:
    """Write a set whose pictures are those of VOC.

    Args:
        label_set: Its classes, and its name.
        splits: The ids in each.
        found: Label maps and pictures.
        read_labels: Reads a label map.
        target_dir: Gets `images`, `masks`, lists and `data.yaml`.
        official: How many pictures each split has in the full set.
        options: Progress.

    Raises:
        ValueError: Files are wrong; see `write_pairs`.
    """
    pairs = [
        Pair(
            name=name,
            picture_path=found.picture_paths[name],
            read_labels=partial(read_labels, found.label_paths[name]),
            picture_place=Path("images", f"{name}.jpg"),
            labels_place=Path("masks", f"{name}.png"),
        )
        for name in sorted({name for names in splits.values() for name in names})
    ]
    written = write_pairs(pairs, target_dir, label_set, tell=options.tell)
    counts = {split: len(names) for split, names in splits.items() if names}
    for split in counts:
        write_list(target_dir / f"{split}.txt", splits[split])
    images, masks = target_dir / "images", target_dir / "masks"
    files = {split: SplitFiles(images, masks, target_dir / f"{split}.txt") for split in counts}
    write_description(DataDescription(target_dir, label_set, files))
    return PreparedSet(label_set.name, counts, written, lacking(counts, official))
