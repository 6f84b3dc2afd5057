"""What a folder of data is: by its `data.yaml`, or by the folders in it.

Three layouts are known without `data.yaml`: PASCAL VOC (`JPEGImages`), Cityscapes
(`leftImg8bit`), and `images` with `masks` and `classes.txt`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deeplab.data.cityscapes_files import (
    CLASSES_SUFFIX,
    IDS_SUFFIX,
    LABELS_DIR,
    PICTURE_SUFFIX,
    PICTURES_DIR,
)
from deeplab.data.coding import PLAIN, LabelCoding
from deeplab.data.description import FILE_NAME, DataDescription, SplitFiles, read_description
from deeplab.labels import CITYSCAPES, CITYSCAPES_IDS, CITYSCAPES_LABELS, VOC12, LabelSet, named

_LISTS = Path("ImageSets", "Segmentation")
_NOT_LISTS = {"classes", "labels", "class_names"}


def describe(root: Path) -> DataDescription:
    """Find out what a data set on disk is; nothing but its description is read.

    Args:
        root: Its folder, or its `data.yaml`.

    Raises:
        ValueError: No such folder, a layout that is not known, or a wrong description.
    """
    if root.is_file():
        return read_description(root)
    if not root.is_dir():
        raise ValueError(f"data folder {root} does not exist")
    if (root / FILE_NAME).is_file():
        return read_description(root / FILE_NAME)
    for folder, describe_layout in _LAYOUTS.items():
        if (root / folder).is_dir():
            return describe_layout(root)
    raise ValueError(
        f"{root}: expected {FILE_NAME} (`deeplab data init {root}` writes it), a VOC layout "
        "(JPEGImages, SegmentationClass, ImageSets/Segmentation), Cityscapes (leftImg8bit, gtFine) "
        "or a folder pair (images, masks)"
    )


def _describe_voc(root: Path) -> DataDescription:
    augmented_dir, official_dir = root / "SegmentationClassAug", root / "SegmentationClass"
    labels_dir = augmented_dir if augmented_dir.is_dir() else official_dir
    splits = {
        name: SplitFiles(root / "JPEGImages", labels_dir, path)
        for name, path in _lists([root, root / _LISTS]).items()
    }
    return DataDescription(root, VOC12, splits)


def _describe_folder_pair(root: Path) -> DataDescription:
    images, masks = root / "images", root / "masks"
    splits = {
        name: SplitFiles(images, masks, path)
        for name, path in _lists([root, root / _LISTS]).items()
    }
    splits |= {
        folder.name: SplitFiles(folder, masks / folder.name)
        for folder in sorted(images.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
    }
    return DataDescription(root, _own_classes(root), splits)


def _describe_cityscapes(root: Path) -> DataDescription:
    """Take the official files as they are: label ids, else train ids; `test` has dummies."""
    pictures, labels = root / PICTURES_DIR, root / LABELS_DIR
    names = [path.name for path in sorted(pictures.iterdir()) if path.is_dir()]
    folders = [labels / name for name in names if name != "test"]
    has_ids = any(path for folder in folders for path in folder.rglob(f"*{IDS_SUFFIX}"))
    splits = {
        name: SplitFiles(
            pictures / name,
            None if name == "test" else labels / name,
            image_suffix=PICTURE_SUFFIX,
            mask_suffix="" if name == "test" else IDS_SUFFIX if has_ids else CLASSES_SUFFIX,
        )
        for name in names
    }
    unscored = (label.label_id for label in CITYSCAPES_LABELS if not label.is_scored)
    coding = LabelCoding(
        values=CITYSCAPES_IDS, void=tuple(label_id for label_id in unscored if label_id >= 0)
    )
    return DataDescription(root, CITYSCAPES, splits, coding if has_ids else PLAIN)


def _own_classes(root: Path) -> LabelSet:
    path = root / "classes.txt"
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: write the class names into it, one a line, id 0 first; or let "
            f"`deeplab data init {root}` find out"
        )
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    return named(tuple(lines), name=root.resolve().name)


def _lists(folders: Sequence[Path]) -> dict[str, Path]:
    """Find the lists of splits; of two of one name that in the later folder counts."""
    return {
        path.stem: path
        for folder in folders
        for path in sorted(folder.glob("*.txt"))
        if path.stem not in _NOT_LISTS
    }


_LAYOUTS: Mapping[str, Callable[[Path], DataDescription]] = {
    "JPEGImages": _describe_voc,
    PICTURES_DIR: _describe_cityscapes,
    "images": _describe_folder_pair,
}
