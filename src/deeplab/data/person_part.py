"""PASCAL-Person-Part: six parts of the body on pictures of VOC 2010 with persons.

Read are the annotations of PASCAL-Part (`Annotations_Part/NAME.mat`: structure `anno` with
`objects`, of these `class` and `parts`, of these `part_name` and `mask`), or the PNGs of
Person-Part itself. As in PASCAL-Part's own `mat2map`, objects and parts are painted in their order,
later ones over earlier ones. A person's pixels that are in no part stay background, and the neck
belongs to the head: both as in the PNGs that were published.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.data import mat
from deeplab.data.colours import read_labels_in_palette
from deeplab.data.find import list_folders
from deeplab.data.official import NUM_PICTURES
from deeplab.data.on_voc import find_pairs, find_splits, write_set
from deeplab.data.prepared import Options, PreparedSet
from deeplab.imaging import LabelMap
from deeplab.labels import PERSON_PART

OFFICIAL = NUM_PICTURES["person-part"]
"""Pictures of each split (arXiv 1606.00915, section 4.2), by the published lists of ids."""

PARTS = {
    "head": [
        *("head", "hair", "neck", "nose", "mouth"),
        *("leye", "reye", "lebrow", "rebrow", "lear", "rear"),
    ],
    "torso": ["torso"],
    "upper arms": ["luarm", "ruarm"],
    "lower arms": ["llarm", "rlarm", "lhand", "rhand"],
    "upper legs": ["luleg", "ruleg"],
    "lower legs": ["llleg", "rlleg", "lfoot", "rfoot"],
}
"""The parts of PASCAL-Part that make up each class."""

_LABELS = {
    part: PERSON_PART.class_names.index(name) for name, parts in PARTS.items() for part in parts
}


def prepare(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare PASCAL-Person-Part: head, torso, arms and legs in two parts each, and background.

    Args:
        source_dir: Holds `Annotations_Part/*.mat` of PASCAL-Part (or Person-Part's PNGs), pictures
            of VOC 2010, and the published lists (`train_id.txt`, `val_id.txt`), at any depth.
            Without these, VOC's lists deal out the pictures that show a person.
        target_dir: Gets `images`, `masks`, `train.txt`, `val.txt` and `data.yaml`.
        options: Progress.

    Raises:
        ValueError: There are no such annotations or pictures, no persons, or files are wrong.
    """
    folders = list_folders(source_dir, leave_out=target_dir)
    found = find_pairs(folders, "anno", "Annotations_Part/NAME.mat of PASCAL-Part")
    splits = find_splits(folders, list(found.label_paths), OFFICIAL)
    names = splits.names
    if not splits.are_official:
        names = _with_persons(splits.names, found.label_paths, options)
    return write_set(
        PERSON_PART, names, found, read_labels, target_dir, official=OFFICIAL, options=options
    )


def read_labels(path: Path) -> LabelMap:
    """Read one label map: (H, W) uint8, 0..6; 255 void may occur in PNGs.

    Args:
        path: An annotation of PASCAL-Part (`.mat`), or a PNG of Person-Part.

    Raises:
        ValueError: Not such a file, or a part of a person that is not known; the message names it.
    """
    if path.suffix != ".mat":
        return read_labels_in_palette(path, PERSON_PART.palette)
    annotation = mat.read_variable(path, "anno")
    if annotation.size != 1:
        raise ValueError(f"{path}: anno is one structure, not {mat.describe(annotation)}")
    objects = mat.field(next(mat.elements(annotation)), "objects", path)
    if objects.size == 0:
        raise ValueError(f"{path}: no objects are annotated in it")
    labels: LabelMap | None = None
    for thing in mat.elements(objects):
        mask = _mask(thing, path, None if labels is None else labels.shape)
        labels = np.zeros(mask.shape, np.uint8) if labels is None else labels
        if mat.text(mat.field(thing, "class", path), path) == "person":
            _paint_person(labels, thing, path)
    assert labels is not None
    return labels


def _paint_person(labels: LabelMap, person: Any, path: Path) -> None:
    for part in mat.elements(mat.field(person, "parts", path)):
        name = mat.text(mat.field(part, "part_name", path), path)
        if name not in _LABELS:
            raise ValueError(f"{path}: part {name!r} of a person; known are {', '.join(_LABELS)}")
        labels[_mask(part, path, labels.shape)] = _LABELS[name]


def _mask(element: Any, path: Path, shape: tuple[int, ...] | None) -> NDArray[np.bool_]:
    mask = mat.field(element, "mask", path)
    values = mat.whole_numbers(mask, path, most=1)
    if shape is not None and values.shape != shape:
        raise ValueError(f"{path}: masks of different sizes, {values.shape} and {shape}")
    return np.asarray(values == 1)


def _with_persons(
    splits: Mapping[str, Sequence[str]], files: Mapping[str, Path], options: Options
) -> dict[str, list[str]]:
    """Keep the pictures in which a part of a person is annotated."""
    names = sorted({name for split in splits.values() for name in split})
    shown = set()
    for done, name in enumerate(names, start=1):
        if read_labels(files[name]).any():
            shown.add(name)
        options.tell(done, len(names))
    if not shown:
        raise ValueError(f"none of {len(names)} annotated pictures shows a part of a person")
    return {
        split: [name for name in split_names if name in shown]
        for split, split_names in splits.items()
    }
