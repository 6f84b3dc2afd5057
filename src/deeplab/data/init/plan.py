"""From a folder to its `data.yaml`: look at it, decide, say what was decided, write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.data.description import FILE_NAME, DataDescription, SplitFiles
from deeplab.data.duplicates import NEAR, find_leaks
from deeplab.data.find import list_folders
from deeplab.data.init.class_files import NamedClasses, find_class_file
from deeplab.data.init.classes import Classes, infer_classes
from deeplab.data.init.deal import deal
from deeplab.data.init.layout import infer_layout
from deeplab.data.init.parts import POOL, Item, Layout, Part
from deeplab.data.init.roles import is_held_out, is_train
from deeplab.data.init.survey import Seen, Tell, colour_counts, look_at, sum_up
from deeplab.data.init.text import to_text
from deeplab.labels import VOID

_DEFAULT_VAL = 0.2
_MOST_SHOWN = 3


@dataclass(frozen=True)
class Wishes:
    """What a user may say instead of having it found out.

    Attributes:
        images: Folder of the pictures.
        masks: Folder of the label maps.
        classes: Names of the classes.
        void: Values that are void; (): 255 alone.
        val: Share of the pictures for `val`, where splits are to be made.
        test: Share for `test`.
        seed: For dealing.
        distance: Bits in which fingerprints of near-duplicates may differ.
        target: Folder for `data.yaml` and lists; None: the folder that is looked at.
        overwrite: Files of these names may be replaced.
    """

    images: Path | None = None
    masks: Path | None = None
    classes: tuple[str, ...] = ()
    void: tuple[int, ...] | None = None
    val: float | None = None
    test: float = 0.0
    seed: int = 0
    distance: int = NEAR
    target: Path | None = None
    overwrite: bool = False


@dataclass(frozen=True)
class Plan:
    """What was found out about a folder, and what is to be written.

    Attributes:
        what: The layout, in one line.
        description: Of the data set.
        num_pictures: In each split.
        pixels: Of each class in each split, void last: (K + 1,).
        num_with: Pictures in which each class occurs, in all splits that have label maps: (K,).
        notes: What was assumed or left out, one sentence each.
        files: What is to be written: paths and contents.
    """

    what: str
    description: DataDescription
    num_pictures: Mapping[str, int]
    pixels: Mapping[str, NDArray[np.int64]]
    num_with: NDArray[np.int64]
    notes: tuple[str, ...]
    files: Mapping[Path, str]


def look(root: Path, wishes: Wishes, *, tell: Tell = lambda done, total: None) -> Plan:
    """Find out what a folder holds: every label map and picture is read once, nothing is written.

    Args:
        root: The folder.
        wishes: What is not to be found out.
        tell: Told how many pictures are done.

    Raises:
        ValueError: It cannot be found out; the message says what was found and what to do.
    """
    target = wishes.target or root
    _check(root, target, wishes)
    layout = infer_layout(root, images=wishes.images, masks=wishes.masks)
    layout = _pool_if_needed(layout, wishes)
    items = _all_items(layout)
    seen = dict(zip(items, look_at(list(items), tell=tell), strict=True))
    layout, notes = _leave_out_faulty(layout, seen)
    labelled = [seen[item] for item in _all_items(layout) if item.label_path is not None]
    classes = infer_classes(
        sum_up(labelled),
        _named(root, wishes),
        name=root.resolve().name,
        void=wishes.void,
        is_voc="SegmentationClass" in layout.what,
    )
    return _plan(
        root, target, layout, classes, seen, wishes, [*layout.notes, *classes.notes, *notes]
    )


def write(plan: Plan) -> None:
    """Write `data.yaml` and the lists, each whole or not at all; `data.yaml` last."""
    for path, text in plan.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        content = text.encode()
        imaging.write_atomically(path, lambda file, content=content: file.write(content))  # type: ignore[misc]


def _check(root: Path, target: Path, wishes: Wishes) -> None:
    if not root.is_dir():
        raise ValueError(f"{root}: no such folder; give the one that holds pictures and label maps")
    if (target / FILE_NAME).exists() and not wishes.overwrite:
        raise ValueError(
            f"{target / FILE_NAME} is there already: train with it, or replace it with --overwrite"
        )
    shares = (wishes.val if wishes.val is not None else _DEFAULT_VAL, wishes.test)
    if not (0 < shares[0] < 1 and 0 <= shares[1] < 1 and sum(shares) < 1):
        raise ValueError(
            f"--val {shares[0]:g} --test {shares[1]:g}: give shares of all pictures, such as 0.2 "
            "and 0.1, that leave some for train"
        )


def _named(root: Path, wishes: Wishes) -> NamedClasses | None:
    if wishes.classes:
        return NamedClasses("--classes", wishes.classes)
    return find_class_file(list_folders(root, leave_out=root / FILE_NAME))


def _pool_if_needed(layout: Layout, wishes: Wishes) -> Layout:
    """Make a pool of what has no split to score on, or of all splits if that is wished."""
    is_wished = wishes.val is not None or wishes.test > 0
    if POOL in layout.parts:
        return layout
    can_score = any(is_held_out(split) for split in layout.parts)
    if can_score and not is_wished:
        return layout
    if can_score and not wishes.overwrite:
        raise ValueError(
            f"there are splits already ({', '.join(layout.parts)}): leave out --val and --test to "
            "keep them, or deal all pictures anew with --overwrite"
        )
    if len(layout.parts) > 1 and not is_wished:
        return layout
    notes = (*layout.notes, f"splits: {', '.join(layout.parts)} dealt anew")
    return replace(layout, parts={POOL: _join(list(layout.parts.values()))}, notes=notes)


def _join(parts: Sequence[Part]) -> Part:
    labelled = {item.picture_path: item for part in parts for item in part.items if item.label_path}
    same_folders = {
        (part.files.images, part.files.masks, part.files.image_suffix, part.files.mask_suffix)
        if part.files is not None
        else None
        for part in parts
    }
    files = parts[0].files
    if len(same_folders) > 1 or files is None:
        return Part(tuple(labelled.values()))
    return Part(tuple(labelled.values()), replace(files, list_path=None))


def _all_items(layout: Layout) -> dict[Item, None]:
    return dict.fromkeys(item for part in layout.parts.values() for item in part.items)


def _leave_out_faulty(layout: Layout, seen: Mapping[Item, Seen]) -> tuple[Layout, list[str]]:
    """Leave out what cannot be used, and say what differs in size.

    Raises:
        ValueError: Half of the pictures or more cannot be used.
    """
    faulty = {item: one.fault for item, one in seen.items() if one.fault}
    notes = []
    if 2 * len(faulty) >= len(seen):
        raise ValueError(
            f"{len(faulty)} of {len(seen)} pictures cannot be used: "
            + "; ".join([*faulty.values()][:_MOST_SHOWN])
        )
    if faulty:
        notes.append(
            f"left out: {len(faulty)} that cannot be used, such as {next(iter(faulty.values()))}"
        )
    differing = [item for item, one in seen.items() if one.size_differs]
    if differing:
        notes.append(
            f"sizes: {len(differing)} label maps have another size than their picture, such as "
            f"{differing[0].name}; training refuses them: see `deeplab data check`"
        )
    parts = {}
    for split, part in layout.parts.items():
        items = tuple(item for item in part.items if item not in faulty)
        is_same = len(items) == len(part.items)
        if items:
            parts[split] = part if is_same else _without_list(part, items)
    return replace(layout, parts=parts), notes


def _without_list(part: Part, items: tuple[Item, ...]) -> Part:
    """Shrink a part; a list that still names more is no use any more."""
    files = part.files
    if files is not None and files.list_path is not None:
        files = replace(files, list_path=None) if files.masks is not None else None
    return Part(items, files)


def _plan(
    root: Path,
    target: Path,
    layout: Layout,
    classes: Classes,
    seen: Mapping[Item, Seen],
    wishes: Wishes,
    notes: list[str],
) -> Plan:
    counts = {item: _class_pixels(one, classes) for item, one in seen.items() if not one.fault}
    parts = layout.parts
    if POOL in parts:
        parts = _deal(parts[POOL], counts, seen, wishes, notes)
    else:
        notes += _leaks(parts, seen, wishes.distance)
    splits, files = _say_where(root, target, parts, wishes.overwrite)
    description = DataDescription(target, classes.label_set, splits, classes.coding)
    pixels = {
        split: np.sum([counts[item] for item in part.items], axis=0)
        for split, part in parts.items()
    }
    num_classes = len(classes.label_set.class_names)
    every = np.array([one for item, one in counts.items() if item.label_path is not None])
    num_with = (every[:, :num_classes] > 0).sum(axis=0)
    notes += _rare(classes.label_set.class_names, num_with)
    files[target / FILE_NAME] = to_text(description, layout.what, notes)
    numbers = {split: len(part.items) for split, part in parts.items()}
    return Plan(layout.what, description, numbers, pixels, num_with, tuple(notes), files)


def _class_pixels(one: Seen, classes: Classes) -> NDArray[np.int64]:
    """Count the pixels of each class, void last: (K + 1,)."""
    num_classes = len(classes.label_set.class_names)
    counts = np.zeros(num_classes + 1, np.int64)
    is_painted = bool(classes.coding.colours)
    for value, count in (colour_counts(one) if is_painted else one.counts).items():
        label = classes.label_of[value]
        counts[num_classes if label == VOID else label] += count
    return counts


def _deal(
    pool: Part,
    counts: Mapping[Item, NDArray[np.int64]],
    seen: Mapping[Item, Seen],
    wishes: Wishes,
    notes: list[str],
) -> dict[str, Part]:
    val = wishes.val if wishes.val is not None else _DEFAULT_VAL
    shares = {"train": 1 - val - wishes.test, "val": val}
    if wishes.test:
        shares["test"] = wishes.test
    by_name = {item.name: item for item in pool.items}
    dealt = deal(
        {name: seen[item].fingerprint for name, item in by_name.items()},
        np.array([counts[item][:-1] for item in by_name.values()]),
        shares,
        seed=wishes.seed,
        distance=wishes.distance,
    )
    notes += dealt.notes
    files = pool.files if pool.files is not None and pool.files.masks is not None else None
    return {
        split: Part(
            tuple(by_name[name] for name in names), files and replace(files, list_path=None)
        )
        for split, names in dealt.splits.items()
    }


def _leaks(parts: Mapping[str, Part], seen: Mapping[Item, Seen], distance: int) -> list[str]:
    """Say which pictures to score on have a near-duplicate to train on."""
    notes = []
    train = {item: "" for split, part in parts.items() if is_train(split) for item in part.items}
    for split, part in parts.items():
        if not is_held_out(split) or not train:
            continue
        both = [item.name for item in part.items if item in train]
        held_out = [item for item in part.items if item not in train]
        prints = {f"{split}:{item.name}": seen[item].fingerprint for item in held_out}
        of_train = {f"train:{item.name}": seen[item].fingerprint for item in train}
        split_of = dict.fromkeys(prints, split) | dict.fromkeys(of_train, "train")
        leaks = [
            leak
            for leak in find_leaks(prints | of_train, split_of, distance=distance)
            if leak.name in prints
        ]
        if both:
            notes.append(f"{split}: {len(both)} pictures are in train as well, such as {both[0]}")
        if leaks:
            notes.append(
                f"{split}: {len(leaks)} pictures have a near-duplicate in train, such as "
                f"{leaks[0].name.partition(':')[2]} and {leaks[0].other.partition(':')[2]}: scores "
                "on it will be too high"
            )
    return notes


def _say_where(
    root: Path, target: Path, parts: Mapping[str, Part], overwrite: bool
) -> tuple[dict[str, SplitFiles], dict[Path, str]]:
    """Say for each split where its files are; where it takes a list, say what stands in it."""
    splits: dict[str, SplitFiles] = {}
    files: dict[Path, str] = {}
    for split, part in parts.items():
        if part.is_whole and part.files is not None:
            splits[split] = part.files
            continue
        path = target / f"{split}.txt"
        if path.exists() and not overwrite:
            raise ValueError(
                f"{path} is there already, and a list of this name is to be written: rename it, "
                "write elsewhere with --to FOLDER, or replace it with --overwrite"
            )
        if part.files is not None:
            splits[split] = replace(part.files, list_path=path)
            files[path] = "".join(f"{item.name}\n" for item in part.items)
        else:
            splits[split] = SplitFiles(target, list_path=path)
            files[path] = "".join(_pair(item, target) for item in part.items)
    return splits, files


def _pair(item: Item, target: Path) -> str:
    paths = [path for path in (item.picture_path, item.label_path) if path is not None]
    return "\t".join(_relative(path, target) for path in paths) + "\n"


def _relative(path: Path, folder: Path) -> str:
    path, folder = path.absolute(), folder.absolute()
    return (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()


def _rare(names: Sequence[str], num_with: NDArray[np.int64]) -> list[str]:
    never = [name for name, count in zip(names, num_with, strict=True) if not count]
    if not never:
        return []
    shown = ", ".join(never[:_MOST_SHOWN]) + (", ..." if len(never) > _MOST_SHOWN else "")
    return [f"classes: {len(never)} never occur: {shown}"]
