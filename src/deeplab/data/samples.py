"""Data sets on disk: which picture goes with which label map.

Two layouts are read:

* PASCAL VOC: `JPEGImages/NAME.jpg`, `SegmentationClassAug/NAME.png` (or `SegmentationClass`), lists
  of names in `ImageSets/Segmentation/SPLIT.txt` or `SPLIT.txt`; the classes are VOC's 21.
* a folder pair: `images/SPLIT/NAME.*` with `masks/SPLIT/NAME.png`, or `images/NAME.*` with
  `masks/NAME.png` and the names in `SPLIT.txt`; the class names stand in `classes.txt`, one a line,
  in the order of their ids.
"""

import difflib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from deeplab import imaging
from deeplab.labels import VOC12, VOID, LabelSet, named


@dataclass(frozen=True)
class Sample:
    """One picture and its label map.

    Attributes:
        name: The picture's id within its data set.
        picture_path: Any picture file.
        label_path: Indexed or grey PNG of class ids, 255 void.
    """

    name: str
    picture_path: Path
    label_path: Path

    def read_picture(self) -> NDArray[np.uint8]:
        """Read the picture: (H, W, 3) RGB, uint8."""
        return imaging.read_picture(self.picture_path)

    def read_picture_size(self) -> tuple[int, int]:
        """Read height and width of the picture, upright, from the head of its file.

        Raises:
            ValueError: Not a picture.
        """
        try:
            with Image.open(self.picture_path) as image:
                width, height = image.size
                lies_on_its_side = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
        except (OSError, Image.DecompressionBombError) as error:
            raise ValueError(f"{self.picture_path}: not a picture ({error})") from error
        return (width, height) if lies_on_its_side else (height, width)

    def read_labels(self, num_classes: int) -> NDArray[np.uint8]:
        """Read the label map: (H, W) uint8.

        Raises:
            ValueError: An id is neither below `num_classes` nor void; the message names file and
                ids.
        """
        labels = imaging.read_label_map(self.label_path)
        strange = sorted(
            set(np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[num_classes:VOID]))
        )
        if strange:
            ids = ", ".join(str(label + num_classes) for label in strange[:5])
            raise ValueError(
                f"{self.label_path}: class ids {ids}, but there are {num_classes} classes "
                f"(0..{num_classes - 1}) and void ({VOID}): renumber the label map or correct the "
                "class list"
            )
        return labels


@dataclass(frozen=True)
class SegmentationData:
    """The samples of one split, in the order of its list.

    Attributes:
        samples: At least one.
        label_set: Their classes.
    """

    samples: tuple[Sample, ...]
    label_set: LabelSet


def open_split(root: Path, split: str) -> SegmentationData:
    """List a split of a data set on disk; nothing is decoded.

    Args:
        root: `VOCdevkit/VOC2012`, or a folder with `images` and `masks`.
        split: Name of a list file (without `.txt`) or of a sub-folder of `images`.

    Raises:
        ValueError: The folder has neither layout, the split does not exist or is empty, or files
            are missing.
    """
    if not root.is_dir():
        raise ValueError(f"data folder {root} does not exist")
    if (root / "JPEGImages").is_dir():
        return SegmentationData(_open_voc(root, split), VOC12)
    if (root / "images").is_dir():
        return SegmentationData(_open_folder_pair(root, split), _own_classes(root))
    raise ValueError(
        f"{root}: expected a VOC layout (JPEGImages, SegmentationClass, ImageSets/Segmentation) "
        "or a folder pair (images, masks)"
    )


def _open_voc(root: Path, split: str) -> tuple[Sample, ...]:
    augmented_dir, official_dir = root / "SegmentationClassAug", root / "SegmentationClass"
    labels_dir = augmented_dir if augmented_dir.is_dir() else official_dir
    return _samples(_listed(root, split), split, root / "JPEGImages", labels_dir)


def _open_folder_pair(root: Path, split: str) -> tuple[Sample, ...]:
    pictures_dir, labels_dir = root / "images", root / "masks"
    if not (pictures_dir / split).is_dir():
        return _samples(_listed(root, split), split, pictures_dir, labels_dir)
    names = sorted(_files_by_stem(pictures_dir / split))
    return _samples(names, split, pictures_dir / split, labels_dir / split)


def _own_classes(root: Path) -> LabelSet:
    path = root / "classes.txt"
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: write the class names into it, one a line, id 0 first"
        )
    lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    return named(tuple(lines), name=root.name)


def _listed(root: Path, split: str) -> list[str]:
    places = [root / "ImageSets" / "Segmentation", root]
    for place in places:
        if (place / f"{split}.txt").is_file():
            lines = (place / f"{split}.txt").read_text().splitlines()
            return [line.strip() for line in lines if line.strip()]
    known = {path.stem for place in places for path in place.glob("*.txt")} - {"classes"}
    known |= {path.name for path in root.glob("images/*") if path.is_dir()}
    near = difflib.get_close_matches(split, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(
        f"{root}: no split {split!r}; there are {', '.join(sorted(known)) or 'none'}{hint}"
    )


def _samples(
    names: list[str], split: str, pictures_dir: Path, labels_dir: Path
) -> tuple[Sample, ...]:
    if not names:
        raise ValueError(f"{pictures_dir}: split {split!r} is empty")
    pictures = _files_by_stem(pictures_dir)
    label_maps = {path.stem: path for path in labels_dir.glob("*.png")}
    missing = [name for name in names if name not in pictures or name not in label_maps]
    if missing:
        raise ValueError(
            f"split {split!r}: {len(missing)} of {len(names)} names have no picture in "
            f"{pictures_dir} or no label map (.png) in {labels_dir}: {_some(missing)}"
        )
    twice = [name for name in names if len(pictures[name]) > 1]
    if twice:
        raise ValueError(
            f"split {split!r}: several files of one name in {pictures_dir}, of which only one can "
            f"be the picture: {_some(twice)}"
        )
    return tuple(Sample(name, pictures[name][0], label_maps[name]) for name in names)


def _files_by_stem(folder: Path) -> dict[str, list[Path]]:
    """List the files of a folder, but for hidden ones, by their names without the last suffix."""
    files: dict[str, list[Path]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file() and not entry.name.startswith("."):
                path = folder / entry.name
                files.setdefault(path.stem, []).append(path)
    return files


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
