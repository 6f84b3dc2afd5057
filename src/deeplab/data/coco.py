"""MS COCO for pre-training: instance annotations as label maps.

DeepLab's residual network was trained on COCO first, with a head of 91 outputs: COCO's category
ids 0..90, of which ten belong to no category (the published `init.caffemodel`). The other label set
keeps the 20 kinds of objects of PASCAL VOC; all else is background there.

Objects are painted from the largest to the smallest. Crowds come first and are void, so that what
was outlined by itself within a crowd keeps its class.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from deeplab.data.annotations.coco_json import CocoFile, CocoPicture, read_coco
from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.find import Folder, find_pictures, list_folders
from deeplab.data.official import NUM_PICTURES
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
from deeplab.labels import COCO91, COCO_VOC20, VOID, LabelSet

OFFICIAL = NUM_PICTURES["coco91"]
"""Pictures of COCO 2017."""

_ANNOTATIONS = re.compile(r"instances_(\w+)\.json")
_VOC_NAMES = {
    "airplane": "aeroplane",
    "couch": "sofa",
    "dining table": "diningtable",
    "motorcycle": "motorbike",
    "potted plant": "pottedplant",
    "tv": "tvmonitor",
}

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Split:
    """Pictures of one annotation file, by name, whose files are there."""

    pictures: Mapping[str, CocoPicture]
    label_of: Mapping[int, int]
    num_annotated: int


def prepare_coco91(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare COCO with all its categories: label = category id.

    Args:
        source_dir: Holds `annotations/instances_SPLIT.json` and the pictures, at any depth.
        target_dir: Gets `images`, `masks`, a list for each split, and `data.yaml`.
        options: Progress; whether pictures without any object are left out.

    Raises:
        ValueError: There are no annotations, or files are wrong.
    """
    return _prepare(COCO91, source_dir, target_dir, options)


def prepare_coco_voc20(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare COCO with the 20 kinds of objects of PASCAL VOC; see `prepare_coco91`."""
    return _prepare(COCO_VOC20, source_dir, target_dir, options)


def paint_picture(picture: CocoPicture, label_of: Mapping[int, int]) -> LabelMap:
    """Make the label map of a picture: (H, W) uint8.

    Args:
        picture: With its instances in the order of painting.
        label_of: Labels by category id; objects of other categories stay background, their crowds
            as well.

    Raises:
        ValueError: A segmentation lies out of the picture or does not fit it.
    """
    labels = np.zeros(picture.size, np.uint8)
    for instance in picture.instances:
        if instance.category_id in label_of:
            label = label_of[instance.category_id]
            instance.paint(labels, VOID if instance.is_crowd else label)
    return labels


def _prepare(
    label_set: LabelSet, source_dir: Path, target_dir: Path, options: Options
) -> PreparedSet:
    folders = list_folders(source_dir, leave_out=target_dir)
    files = find_pictures(folders)
    splits = {
        name: _read_split(path, label_set, files, skip_empty=options.skip_empty)
        for name, path in _find_annotations(folders).items()
    }
    splits = {name: split for name, split in splits.items() if split.pictures}
    if not splits:
        raise ValueError(
            f"{source_dir}: none of the annotated pictures is below it; unpack train2017.zip or "
            "val2017.zip there"
        )
    pairs = {
        name: Pair(
            name=name,
            picture_path=files[name],
            read_labels=partial(paint_picture, picture, split.label_of),
            picture_place=Path("images", f"{name}.jpg"),
            labels_place=Path("masks", f"{name}.png"),
        )
        for split in splits.values()
        for name, picture in split.pictures.items()
    }
    written = write_pairs(list(pairs.values()), target_dir, label_set, tell=options.tell)
    for name, split in splits.items():
        write_list(target_dir / f"{name}.txt", sorted(split.pictures))
    images, masks = target_dir / "images", target_dir / "masks"
    places = {name: SplitFiles(images, masks, target_dir / f"{name}.txt") for name in splits}
    write_description(DataDescription(target_dir, label_set, places))
    counts = {name: len(split.pictures) for name, split in splits.items()}
    annotated = {name: split.num_annotated for name, split in splits.items()}
    return PreparedSet(label_set.name, counts, written, lacking(annotated, OFFICIAL))


def _find_annotations(folders: tuple[Folder, ...]) -> dict[str, Path]:
    """Find `instances_SPLIT.json`; train2017 is called train if there is no other train."""
    paths = {
        match[1]: folder.path / name
        for folder in reversed(folders)
        for name in folder.file_names
        if (match := _ANNOTATIONS.fullmatch(name))
    }
    if not paths:
        raise ValueError(
            f"{folders[0].path}: no instances_train2017.json or the like below it; unpack "
            "annotations_trainval2017.zip there"
        )
    short = [re.sub(r"20\d\d$", "", name) or name for name in paths]
    if len(set(short)) < len(short):
        return dict(sorted(paths.items()))
    return dict(sorted(zip(short, paths.values(), strict=True)))


def _read_split(
    path: Path, label_set: LabelSet, files: Mapping[str, Path], *, skip_empty: bool
) -> _Split:
    coco = read_coco(path)
    boxes = sum(instance.is_box for instance in coco.instances)
    if boxes:
        raise ValueError(f"{path}: {boxes} objects have a box but no segmentation")
    if coco.num_thin:
        _logger.warning("%s: %d polygons of fewer than 3 points left out", path, coco.num_thin)
    label_of = _labels_of(coco, label_set)
    named = {Path(picture.file_name).stem: picture for picture in coco.pictures}
    here = {name: picture for name, picture in named.items() if name in files}
    shown = {
        name: picture
        for name, picture in here.items()
        if not skip_empty or _shows_any(picture, label_of)
    }
    return _Split(shown, label_of, len(here))


def _labels_of(coco: CocoFile, label_set: LabelSet) -> dict[int, int]:
    """Give the label of each category, by its name; names of COCO that VOC does not have: none.

    Raises:
        ValueError: The categories are not those of COCO.
    """
    official = {name: label for label, name in enumerate(COCO91.class_names) if label}
    for number, name in coco.categories.items():
        if official.get(name) != number:
            raise ValueError(
                f"{coco.path}: category {number} is called {name!r}, but MS COCO's is "
                f"{dict(enumerate(COCO91.class_names)).get(number, 'none')!r}; for a data set of "
                "your own use `deeplab data convert`"
            )
    if label_set == COCO91:
        return {number: number for number in coco.categories}
    labels = {name: label for label, name in enumerate(label_set.class_names)}
    own = {number: _VOC_NAMES.get(name, name) for number, name in coco.categories.items()}
    return {number: labels[name] for number, name in own.items() if name in labels}


def _shows_any(picture: CocoPicture, label_of: Mapping[int, int]) -> bool:
    return any(
        instance.category_id in label_of and not instance.is_crowd for instance in picture.instances
    )
