"""PASCAL VOC 2012 with the annotations of SBD: the paper's 10 582 training pictures.

Read are VOC's `JPEGImages`, `SegmentationClass` and `ImageSets/Segmentation`, and SBD's
`cls/NAME.mat` (`benchmark_RELEASE/dataset`), of which `GTcls.Segmentation` holds the classes. As in
the published Caffe code, SBD's label maps come first and VOC's own are written over them: those
have void borders, those of SBD have none. A `SegmentationClassAug` of others stands in for SBD.

`trainaug` is all that has a label map but is not in VOC's `val`; `trainval_aug` adds that.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from deeplab.data import mat
from deeplab.data.colours import read_labels_in_palette
from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.find import Folder, find_list, find_pictures, list_folders
from deeplab.data.official import NUM_PICTURES
from deeplab.data.place import place_file
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
from deeplab.labels import VOC12

OFFICIAL = NUM_PICTURES["voc12"]
"""Pictures of each split (arXiv 1606.00915, section 4.1)."""

_LISTS = Path("ImageSets/Segmentation")
_OTHER_YEAR = re.compile(r"VOC20(?!12)\d\d")


@dataclass(frozen=True)
class _Sources:
    """What there is: files by their ids, and VOC's lists."""

    pictures: Mapping[str, Path]
    official: Mapping[str, Path]
    augmented: Mapping[str, Path]
    lists: Mapping[str, list[str]]

    def label_path(self, name: str) -> Path:
        """Give the official label map where there is one."""
        return self.official.get(name) or self.augmented[name]


def prepare(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare VOC 2012 in VOC's own layout, label maps in `SegmentationClassAug`.

    Args:
        source_dir: Holds `VOCdevkit/VOC2012` and SBD, unpacked, at any depth.
        target_dir: Gets `JPEGImages`, `SegmentationClassAug`, lists and `data.yaml`.
        options: Progress.

    Raises:
        ValueError: There is no VOC 2012, or files are wrong.
    """
    sources = _find(list_folders(source_dir, leave_out=target_dir))
    splits = _splits(sources)
    pairs = [
        Pair(
            name=name,
            picture_path=sources.pictures[name],
            read_labels=partial(read_labels, sources.label_path(name)),
            picture_place=Path("JPEGImages", f"{name}.jpg"),
            labels_place=Path("SegmentationClassAug", f"{name}.png"),
        )
        for name in splits["trainval_aug"]
    ]
    written = write_pairs(pairs, target_dir, VOC12, tell=options.tell)
    for name in splits["test"]:
        place_file(sources.pictures[name], target_dir / "JPEGImages" / f"{name}.jpg")
    counts = {split: len(names) for split, names in splits.items() if names}
    for split in counts:
        write_list(target_dir / _LISTS / f"{split}.txt", splits[split])
    images, masks = target_dir / "JPEGImages", target_dir / "SegmentationClassAug"
    files = {
        split: SplitFiles(
            images, None if split == "test" else masks, target_dir / _LISTS / f"{split}.txt"
        )
        for split in counts
    }
    write_description(DataDescription(target_dir, VOC12, files))
    return PreparedSet("voc12", counts, written, _lacking(counts, sources))


def read_labels(path: Path) -> LabelMap:
    """Read a label map of SBD (`.mat`) or VOC (`.png`): (H, W) uint8, 0..20, 255 void.

    Raises:
        ValueError: Not such a file; the message names it.
    """
    if path.suffix != ".mat":
        return read_labels_in_palette(path, VOC12.palette)
    variable = mat.read_variable(path, "GTcls")
    if variable.size != 1:
        raise ValueError(f"{path}: GTcls is one structure in SBD, not {mat.describe(variable)}")
    segmentation = mat.field(next(mat.elements(variable)), "Segmentation", path)
    return mat.whole_numbers(segmentation, path, most=20).astype(np.uint8)


def _find(folders: Sequence[Folder]) -> _Sources:
    voc_dir = _find_voc(folders)
    by_place = {folder.path: folder for folder in folders}
    official = by_place.get(voc_dir / "SegmentationClass")
    maps = official.files(".png") if official else {}
    sbd = _largest(folders, "cls", ".mat")
    augmented = sbd or _largest(folders, "SegmentationClassAug", ".png")
    known = maps.keys() | augmented.keys()
    pictures = find_pictures(folders)
    if not known:
        raise ValueError(
            f"there are no label maps, neither {voc_dir}/SegmentationClass/*.png nor "
            "SBD's cls/*.mat"
        )
    listed = [by_place[voc_dir / _LISTS]]
    lists = {
        split: find_list(listed, split, official=OFFICIAL[split], known=wanted)
        for split, wanted in (("train", known), ("val", known), ("test", pictures.keys()))
    }
    return _Sources(pictures, maps, augmented, lists)


def _largest(folders: Sequence[Folder], name: str, suffix: str) -> dict[str, Path]:
    """Give the files of the folder of a name that holds most of them."""
    named = [folder.files(suffix) for folder in folders if folder.path.name == name]
    return max(named, key=len, default={})


def _find_voc(folders: Sequence[Folder]) -> Path:
    """Find the folder of VOC 2012: of that name or another, but not that of another year."""
    places = {folder.path for folder in folders if {"train.txt", "val.txt"} <= {*folder.file_names}}
    found = [path.parent.parent for path in places if path.parts[-2:] == _LISTS.parts]
    found = [path for path in found if not _OTHER_YEAR.fullmatch(path.name)]
    if len(found) > 1:
        found = [path for path in found if path.name == "VOC2012"]
    if len(found) != 1:
        raise ValueError(
            f"{folders[0].path}: {'several' if found else 'no'} VOC 2012 below it; unpack "
            "VOCtrainval_11-May-2012.tar, which holds VOCdevkit/VOC2012 with JPEGImages, "
            f"SegmentationClass and {_LISTS}/train.txt and val.txt"
        )
    return found[0]


def _splits(sources: _Sources) -> dict[str, list[str]]:
    """Deal out the ids that have what they need here."""
    mapped = sorted(sources.official.keys() | sources.augmented.keys())
    here = [name for name in mapped if name in sources.pictures]
    here_too = set(here)
    train = [name for name in sources.lists["train"] if name in here_too]
    val = [name for name in sources.lists["val"] if name in here_too]
    held_out = set(sources.lists["val"])
    return {
        "train": train,
        "val": val,
        "trainval": sorted(train + val),
        "test": [name for name in sources.lists["test"] if name in sources.pictures],
        "trainaug": [name for name in here if name not in held_out],
        "trainval_aug": here,
    }


def _lacking(counts: Mapping[str, int], sources: _Sources) -> tuple[str, ...]:
    reasons = list(lacking(counts, OFFICIAL))
    if not sources.augmented:
        reasons.append("no SBD (benchmark.tgz): trainaug is VOC's train alone")
    wanted = {*sources.lists["train"], *sources.lists["val"]}
    unofficial = wanted.intersection(sources.augmented) - sources.official.keys()
    if unofficial:
        reasons.append(
            f"{len(unofficial)} pictures of train and val have no official label map "
            "(SegmentationClass) and keep the one of SegmentationClassAug or SBD"
        )
    if "test" not in counts:
        reasons.append("test pictures come from the VOC evaluation server")
    return tuple(reasons)
