"""Annotations of a user's tool become a data set: pictures, label maps, lists and `data.yaml`.

Background is class 0, and all that no region covers. A region called background or ignore is
painted as such.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from deeplab import imaging, whole_files
from deeplab.data.annotations.annotated import AnnotatedPicture, Annotations, ReadOptions, count
from deeplab.data.annotations.formats import read_annotations
from deeplab.data.annotations.locate import PictureFinder
from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.prepared import (
    Pair,
    PreparedSet,
    Tell,
    write_description,
    write_list,
    write_pairs,
)
from deeplab.data.samples import Sample
from deeplab.labels import BACKGROUND_NAMES, VOID, LabelSet, find_classes, named

BACKGROUND = "background"
_VOIDS = {"__ignore__", "_ignore_", "ignore"}

_MOST_SHOWN = 5
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What brings a picture upright, by its EXIF orientation."""


@dataclass(frozen=True)
class ConvertOptions:
    """What a user may decide.

    Attributes:
        format: One of `formats.FORMATS`, or "auto".
        class_names: Classes to keep, in the order of their labels from 1 on; none: all.
        void: Classes that become void.
        images_dir: Where to look for pictures beside the folder of the annotations.
        skip_missing: Whether pictures that are not found are left out; else they are an error.
        reading: What tools leave open.
        tell: Told after each picture.
    """

    format: str = "auto"
    class_names: tuple[str, ...] = ()
    void: tuple[str, ...] = ()
    images_dir: Path | None = None
    skip_missing: bool = False
    reading: ReadOptions = field(default_factory=ReadOptions)
    tell: Tell = lambda done, total: None


@dataclass(frozen=True)
class Converted:
    """What came of it.

    Attributes:
        prepared: The data set.
        format: What the annotations were taken for.
        notes: What was left out or decided, one sentence each.
    """

    prepared: PreparedSet
    format: str
    notes: tuple[str, ...]


def convert(source: Path, target_dir: Path, options: ConvertOptions) -> Converted:
    """Convert annotations to a data set.

    Args:
        source: An annotation file, or a folder that holds some, and the pictures.
        target_dir: Gets `images`, `masks`, a list for each split, and `data.yaml`.
        options: See there.

    Raises:
        ValueError: Annotations of no known tool, something in them is missing or wrong, or
            pictures are not found.
    """
    root = source if source.is_dir() else source.parent
    if target_dir.resolve() == root.resolve():
        raise ValueError(f"--to {target_dir} is where the annotations are; give another folder")
    format_name, annotations, notes = read_annotations(
        source, options.format, options.reading, leave_out=target_dir
    )
    labels, left_out = _labels(annotations, options)
    label_set = named((BACKGROUND, *_classes(labels)), name=target_dir.resolve().name)
    located, missing = _locate(annotations.pictures, root, target_dir, options)
    pairs = _pairs(located, labels, root)
    written = write_pairs(list(pairs.values()), target_dir, label_set, tell=options.tell)
    counts = _write_lists(pairs, located, target_dir, label_set)
    prepared = PreparedSet(label_set.name, counts, written)
    more = (*notes, *annotations.notes, *left_out, *missing)
    return Converted(prepared, format_name, more)


@dataclass(frozen=True)
class _Located:
    """A picture whose file was found."""

    picture: AnnotatedPicture
    path: Path


def _labels(
    annotations: Annotations, options: ConvertOptions
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Give each class its label; classes that are to be left out have none."""
    known = annotations.class_names
    find_classes(known, options.void)
    labels = {name: 0 for name in known if name.lower() in BACKGROUND_NAMES}
    labels |= {name: VOID for name in known if name.lower() in _VOIDS or name in options.void}
    wanted = options.class_names or tuple(name for name in known if name not in labels)
    chosen = [name for name in wanted if name.lower() not in BACKGROUND_NAMES]
    find_classes(known, chosen)
    both = [name for name in chosen if labels.get(name) == VOID]
    if both:
        raise ValueError(f"--classes and void: {', '.join(both)} cannot be both; choose one")
    if not chosen:
        raise ValueError("there is no class beside background and void; nothing could be learnt")
    labels |= {name: label for label, name in enumerate(chosen, start=1)}
    rest = Counter(
        one.class_name
        for picture in annotations.pictures
        for one in picture.regions
        if one.class_name is not None and one.class_name not in labels
    )
    notes = [f"{count(number, 'region')} of {name} left out" for name, number in rest.items()]
    return labels, tuple(notes)


def _classes(labels: Mapping[str, int]) -> list[str]:
    kept = {label: name for name, label in labels.items() if 0 < label != VOID}
    return [kept[label] for label in sorted(kept)]


def _locate(
    pictures: Sequence[AnnotatedPicture], root: Path, target_dir: Path, options: ConvertOptions
) -> tuple[list[_Located], tuple[str, ...]]:
    if options.images_dir is not None and not options.images_dir.is_dir():
        raise ValueError(f"--images {options.images_dir}: no such folder")
    roots = [path for path in (options.images_dir, root) if path is not None]
    finder = PictureFinder(roots, leave_out=target_dir)
    found, missing = [], []
    for picture in pictures:
        path = finder.find(picture)
        if path is None and picture.embedded is not None:
            path = _unpack(picture, picture.embedded, target_dir)
        if path is None:
            missing.append(picture.file_name)
        else:
            found.append(_Located(picture, path))
    if missing and (not options.skip_missing or not found):
        raise ValueError(
            f"{len(missing)} of {len(pictures)} pictures are not below "
            f"{' or '.join(map(str, roots))}: {_some(missing)}; give their folder with --images, "
            "or leave these out with --skip-missing"
        )
    note = f"{count(len(missing), 'picture')} not found and left out: {_some(missing)}"
    return found, (note,) if missing else ()


def _unpack(picture: AnnotatedPicture, embedded: Callable[[], bytes], target_dir: Path) -> Path:
    """Write the picture that stands in an annotation file to where it belongs in the end."""
    content = embedded()
    suffix = ".png" if content.startswith(b"\x89PNG") else ".jpg"
    path = target_dir / "images" / f"{picture.source.stem}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        whole_files.write_atomically(path, lambda file: file.write(content))
    return path


def _pairs(located: Sequence[_Located], labels: Mapping[str, int], root: Path) -> dict[str, Pair]:
    """Give each picture a name of its own, by which its split's list will name it."""
    by_path: dict[Path, AnnotatedPicture] = {}
    for one in located:
        key = one.path.resolve()
        if key in by_path:
            first, second = by_path[key].source, one.picture.source
            raise ValueError(
                f"{one.path}: annotated twice, in {first} and in {second} (split "
                f"{by_path[key].split!r} and {one.picture.split!r}); remove one"
            )
        by_path[key] = one.picture
    names = _names([one.path for one in located], root)
    return {
        name: Pair(
            name=name,
            picture_path=one.path,
            read_labels=partial(_paint, one, labels),
            picture_place=Path("images", f"{name}{one.path.suffix}"),
            labels_place=Path("masks", f"{name}.png"),
        )
        for name, one in zip(names, located, strict=True)
    }


def _names(paths: Sequence[Path], root: Path) -> list[str]:
    """Name pictures by their files; where two are called alike, with their folders and suffix."""
    stems = Counter(path.stem for path in paths)
    return [path.stem if stems[path.stem] == 1 else _long_name(path, root) for path in paths]


def _long_name(path: Path, root: Path) -> str:
    below = path.relative_to(root) if path.is_relative_to(root) else Path(*path.parts[-2:])
    return re.sub(r"[/\\.]+", "_", below.as_posix())


def _paint(one: _Located, labels: Mapping[str, int]) -> imaging.LabelMap:
    """Make the label map of a picture, upright as the picture will be read."""
    shape, orientation = _shape(one)
    label_map = np.zeros(shape, np.uint8)
    for region in one.picture.regions:
        label = VOID if region.class_name is None else labels.get(region.class_name)
        if label is not None:
            region.paint(label_map, label)
    if orientation in _TURNS:
        return np.asarray(Image.fromarray(label_map).transpose(_TURNS[orientation]))
    return label_map


def _shape(one: _Located) -> tuple[tuple[int, int], int]:
    """Give height and width of what was annotated, and how to turn the label map afterwards.

    Most tools show photos upright; some show them as they are stored.
    """
    upright = Sample("", one.path, None).read_picture_size()
    annotated = one.picture.size or upright
    if annotated == upright:
        return upright, 1
    with Image.open(one.path) as image:
        orientation = int(image.getexif().get(ExifTags.Base.Orientation, 1))
        if annotated == image.size[::-1]:
            return annotated, orientation
    raise ValueError(
        f"{one.path} is {upright[1]}x{upright[0]} pixels, but {one.picture.source} annotates "
        f"{one.picture.file_name} at {annotated[1]}x{annotated[0]}: it is another picture, or it "
        "was resized"
    )


def _write_lists(
    pairs: Mapping[str, Pair],
    located: Sequence[_Located],
    target_dir: Path,
    label_set: LabelSet,
) -> dict[str, int]:
    splits: dict[str, list[str]] = {}
    for name, one in zip(pairs, located, strict=True):
        splits.setdefault(_file_name(one.picture.split), []).append(name)
    images, masks = target_dir / "images", target_dir / "masks"
    for split, names in splits.items():
        write_list(target_dir / f"{split}.txt", sorted(names))
    places = {split: SplitFiles(images, masks, target_dir / f"{split}.txt") for split in splits}
    write_description(DataDescription(target_dir, label_set, places))
    return {split: len(names) for split, names in splits.items()}


def _file_name(split: str) -> str:
    """Make a split's name, which comes from a file of others, one of a file of ours."""
    return re.sub(r"[^\w-]+", "_", split).strip("_") or "split"


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:_MOST_SHOWN]) + (", ..." if len(names) > _MOST_SHOWN else "")
