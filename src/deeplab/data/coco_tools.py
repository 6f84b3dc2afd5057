"""COCO JSON as annotation tools and Roboflow write it: one file, or one for each split."""

import re
from collections.abc import Sequence
from pathlib import Path

from deeplab.data.annotated import WHOLE, AnnotatedPicture, Annotations, ReadOptions, count
from deeplab.data.coco_json import CocoFile, CocoPicture, read_coco
from deeplab.data.regions import Region

_INSTANCES = re.compile(r"instances_(\w+)")
_SPLIT = re.compile(r"(train|val|valid|validation|test)(20\d\d)?")


def recognises(content: object) -> bool:
    """Tell whether parsed JSON is a COCO file."""
    return isinstance(content, dict) and "images" in content and "annotations" in content


def read(paths: Sequence[Path], root: Path, options: ReadOptions) -> Annotations:
    """Read COCO files, each of them a split if there are several.

    Args:
        paths: The files.
        root: The folder that was given.
        options: What becomes of objects marked as crowds.

    Raises:
        ValueError: A file is not of this format, or something in it is missing or wrong.
    """
    files = [read_coco(path) for path in paths]
    splits = _splits(paths)
    crowds_are_void, note = _crowds(files, options)
    pictures = [
        _picture(picture, file, split, crowds_are_void)
        for file, split in zip(files, splits, strict=True)
        for picture in file.pictures
    ]
    used = {one.category_id for file in files for one in file.instances}
    class_names = dict.fromkeys(
        name
        for file in files
        for number, name in file.categories.items()
        if number in used or not _is_heading(number, file)
    )
    return Annotations(tuple(class_names), tuple(pictures), (*note, *_notes(files)))


def _picture(
    picture: CocoPicture, file: CocoFile, split: str, crowds_are_void: bool
) -> AnnotatedPicture:
    regions = tuple(
        Region(
            None if one.is_crowd and crowds_are_void else file.categories[one.category_id],
            one.paint,
        )
        for one in picture.instances
    )
    return AnnotatedPicture(picture.file_name, file.path, regions, picture.size, split)


def _splits(paths: Sequence[Path]) -> list[str]:
    """Name the splits after the files, or after their folders where the files are called alike."""
    if len({path.stem for path in paths}) < len(paths):
        names = [path.parent.name for path in paths]
    else:
        names = [
            match[1] if (match := _INSTANCES.fullmatch(path.stem)) else path.stem for path in paths
        ]
    if len(paths) == 1:
        named = (names[0], paths[0].parent.name)
        return [next((name for name in named if _SPLIT.fullmatch(name)), WHOLE)]
    if len(set(names)) < len(names):
        raise ValueError(
            f"{paths[0].parent.parent}: several COCO files would be one split "
            f"({', '.join(sorted(names))}); give one of them, or a folder with one for each split"
        )
    return names


def _is_heading(number: int, file: CocoFile) -> bool:
    """Tell Roboflow's category 0, which is the name of the project and has no objects."""
    return number == 0 and file.path.name.startswith("_annotations.coco")


def _crowds(files: Sequence[CocoFile], options: ReadOptions) -> tuple[bool, tuple[str, ...]]:
    instances = [one for file in files for one in file.instances]
    crowds = sum(one.is_crowd for one in instances)
    if not crowds:
        return True, ()
    are_void = options.crowds == "void"
    if options.crowds == "auto":
        are_void = crowds * 2 <= len(instances)
    what = "are void" if are_void else "are of their classes"
    other = "objects" if are_void else "void"
    return are_void, (
        f"{count(crowds, 'object')} marked iscrowd {what} (--crowds {other} for the contrary)",
    )


def _notes(files: Sequence[CocoFile]) -> list[str]:
    thin = sum(file.num_thin for file in files)
    boxes = sum(one.is_box for file in files for one in file.instances)
    notes = []
    if thin:
        notes.append(f"{count(thin, 'polygon')} of fewer than 3 points left out")
    if boxes:
        notes.append(f"{count(boxes, 'object')} without an outline drawn as boxes")
    return notes
