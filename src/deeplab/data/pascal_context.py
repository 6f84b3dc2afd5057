"""PASCAL-Context: 59 classes of things and stuff on the pictures of VOC 2010.

Read are the official `.mat` files, of which `LabelMap` holds one of 459 ids for each pixel, or PNGs
of the 59 classes (or 16-bit ones of the 459). The 59 are found by name where `labels.txt` is there,
else by their official ids; what is none of them is background. PNGs come in two numberings: the
official one, VOC's 20 classes first, and the alphabetical one of `detail`. A file of class names
decides; else the ten most common classes do.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.data import mat
from deeplab.data.context_numbers import (
    NUM_IDS,
    NUMBERINGS,
    numbering_of,
    read_names,
    recognise_numbering,
    table_of_ids,
)
from deeplab.data.find import Folder, list_folders
from deeplab.data.official import NUM_PICTURES
from deeplab.data.on_voc import (
    Found,
    find_pairs,
    find_splits,
    write_set,
)
from deeplab.data.prepared import Options, PreparedSet
from deeplab.labels import PASCAL_CONTEXT, VOID

OFFICIAL = NUM_PICTURES["pascal-context"]
"""Pictures of each split: VOC 2010's `ImageSets/Main/train.txt` and `val.txt`."""

_NUM_CLASSES = len(PASCAL_CONTEXT.class_names)
_MOST_LOOKED_AT = 200  # label maps, for their numbering


def prepare(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare PASCAL-Context: 59 classes and the background.

    Args:
        source_dir: Holds the label maps (`trainval/*.mat`, or a folder of PNGs), and VOC 2010 for
            pictures and lists, unpacked, at any depth.
        target_dir: Gets `images`, `masks`, `train.txt`, `val.txt` and `data.yaml`.
        options: Progress.

    Raises:
        ValueError: There are no such label maps or pictures, files are wrong, or the numbering of
            PNGs cannot be told.
    """
    folders = list_folders(source_dir, leave_out=target_dir)
    found = find_pairs(
        folders, "LabelMap", "trainval/NAME.mat of PASCAL-Context, or its PNGs of 59 classes"
    )
    splits = find_splits(folders, list(found.label_paths), OFFICIAL)
    read = partial(read_labels, table=_find_table(found, folders))
    return write_set(
        PASCAL_CONTEXT, splits.names, found, read, target_dir, official=OFFICIAL, options=options
    )


def read_labels(path: Path, *, table: NDArray[np.uint8]) -> imaging.LabelMap:
    """Read one label map: (H, W) uint8, 0..59, 255 void.

    Args:
        path: A `.mat` file with `LabelMap`, or a PNG.
        table: The label of each value that may occur in it, from 0 on.

    Raises:
        ValueError: Not such a file, or other values.
    """
    values = _read_values(path)
    most = len(table) - 1
    strange = np.unique(values[(values > most) & (values != VOID)])
    if strange.size:
        raise ValueError(f"{path}: values {strange[:5].tolist()}; allowed are 0..{most} and 255")
    # 255 is void in PNGs of 59 classes, but one of the 459 ids.
    whole_table = np.full(max(len(table), VOID + 1), VOID, np.uint8)
    whole_table[: len(table)] = table
    return np.asarray(whole_table[values])


def _read_values(path: Path) -> NDArray[np.uint16]:
    if path.suffix == ".mat":
        return mat.whole_numbers(mat.read_variable(path, "LabelMap"), path, most=NUM_IDS)
    if _has_16_bits(path):
        with Image.open(path) as image:
            return mat.whole_numbers(np.asarray(image), path, most=NUM_IDS)
    return imaging.read_label_map(path).astype(np.uint16)


def _has_16_bits(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            image.load()
            return image.mode.startswith("I")
    except (OSError, SyntaxError) as error:  # SyntaxError: Pillow's for damaged PNGs
        raise ValueError(f"{path}: not a picture, or damaged ({error})") from error


def _find_table(found: Found, folders: Sequence[Folder]) -> NDArray[np.uint8]:
    """Find out what the values in the files mean."""
    lists = [
        read_names(folder.path / name)
        for folder in folders
        for name in folder.file_names
        if name.endswith(".txt")
    ]
    paths = list(found.label_paths.values())
    if found.are_mat or _has_16_bits(paths[0]):
        return table_of_ids(next((names for names in lists if len(names) == NUM_IDS), None))
    stated = {numbering for names in lists if (numbering := numbering_of(names))}
    chosen = paths[:: -(-len(paths) // _MOST_LOOKED_AT)]
    seen = recognise_numbering(_count(chosen), len(chosen))
    return np.array(_decide(stated, seen and NUMBERINGS[seen], found.folder), np.uint8)


def _decide(
    stated: set[tuple[int, ...]], seen: tuple[int, ...] | None, folder: Path
) -> tuple[int, ...]:
    """Decide between what lists of names say and what the label maps look like."""
    possible = stated or ({seen} if seen else set())
    if len(possible) == 1 and (seen is None or seen in possible):
        return next(iter(possible))
    if not possible:
        raise ValueError(
            f"{folder}: PNGs of PASCAL-Context are numbered in two ways, and these are too few to "
            "tell which; put the list of their class names beside them (59_labels.txt, lines like "
            "`11: table`)"
        )
    raise ValueError(
        f"{folder}: lists of class names below this folder contradict each other or the label "
        "maps; keep only the list that came with these PNGs (59_labels.txt)"
    )


def _count(paths: Sequence[Path]) -> NDArray[np.int64]:
    """Count the pixels of each value over some label maps: (60,)."""
    num_pixels = np.zeros(VOID + 1, np.int64)
    for path in paths:
        num_pixels += np.bincount(imaging.read_label_map(path).ravel(), minlength=VOID + 1)
    return num_pixels[:_NUM_CLASSES]
