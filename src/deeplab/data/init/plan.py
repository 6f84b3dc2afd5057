"""From a folder to its `data.yaml`: look at it, decide, say what was decided, write."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import whole_files
from deeplab.data.description import FILE_NAME, DataDescription, read_description
from deeplab.data.find import list_folders
from deeplab.data.init.class_files import NamedClasses, find_class_file
from deeplab.data.init.classes import infer_classes
from deeplab.data.init.known import known_classes
from deeplab.data.init.layout import infer_layout
from deeplab.data.init.meaning import Classes
from deeplab.data.init.parts import POOL, Item, Layout, Part
from deeplab.data.init.places import say_where
from deeplab.data.init.splits import deal_pool, pool_if_needed, tell_leaks
from deeplab.data.init.survey import Seen, Tell, colour_counts, look_at, sum_up
from deeplab.data.init.text import to_text
from deeplab.data.init.wishes import Wishes, check
from deeplab.labels import VOID

_MOST_SHOWN = 3


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
    check(wishes, root)
    layout = infer_layout(root, images=wishes.images, masks=wishes.masks)
    layout = pool_if_needed(layout, wishes)
    items = _all_items(layout)
    seen = dict(zip(items, look_at(list(items), tell=tell), strict=True))
    layout, notes = _leave_out_faulty(layout, seen)
    labelled = [item for item in _all_items(layout) if item.label_path is not None]
    survey = sum_up([seen[item] for item in labelled])
    replaced = _replaced(root)
    given = _named(root, wishes, replaced)
    if given is None:
        given = known_classes(labelled, survey)
        notes += (
            [f"classes: those of {given.source}, by names and values of files"] if given else []
        )
    void = _void(wishes, replaced)
    classes = infer_classes(survey, given, name=root.resolve().name, void=void)
    return _plan(
        root, target, layout, classes, seen, wishes, [*layout.notes, *classes.notes, *notes]
    )


def write(plan: Plan) -> None:
    """Write `data.yaml` and the lists, each whole or not at all; `data.yaml` last."""
    for path, text in plan.files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _write(path, text.encode())


def _write(path: Path, content: bytes) -> None:
    whole_files.write_atomically(path, lambda file: file.write(content))


def _replaced(root: Path) -> DataDescription | None:
    """Read the `data.yaml` that is to be replaced: what was named in it by hand stays."""
    path = root / FILE_NAME
    return read_description(path) if path.is_file() else None


def _named(root: Path, wishes: Wishes, replaced: DataDescription | None) -> NamedClasses | None:
    if wishes.classes:
        return NamedClasses("--classes", wishes.classes)
    if replaced is None or wishes.void not in (None, replaced.coding.void):  # other classes then
        return find_class_file(list_folders(root, leave_out=root / FILE_NAME))
    label_set, coding = replaced.label_set, replaced.coding
    labels = coding.values or tuple(range(len(label_set.class_names)))
    return NamedClasses(
        FILE_NAME, label_set.class_names, None if coding.colours else labels, label_set.palette
    )


def _void(wishes: Wishes, replaced: DataDescription | None) -> tuple[int, ...] | None:
    return wishes.void if wishes.void is not None or replaced is None else replaced.coding.void


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
        prints = {item: one.fingerprint for item, one in seen.items()}
        parts, dealt = deal_pool(parts[POOL], counts, prints, wishes)
        notes += dealt
    else:
        prints = {item: one.fingerprint for item, one in seen.items()}
        notes += tell_leaks(parts, prints, distance=wishes.distance)
    splits, files = say_where(target, parts, wishes.overwrite)
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


def _rare(names: Sequence[str], num_with: NDArray[np.int64]) -> list[str]:
    never = [name for name, count in zip(names, num_with, strict=True) if not count]
    if not never:
        return []
    shown = ", ".join(never[:_MOST_SHOWN]) + (", ..." if len(never) > _MOST_SHOWN else "")
    return [f"classes: {len(never)} never occur: {shown}"]
