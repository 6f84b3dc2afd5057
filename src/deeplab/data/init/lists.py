"""Lists that come with a data set: names, or pairs "picture label-map", one a line."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from deeplab.data.description import SplitFiles
from deeplab.data.find import Folder
from deeplab.data.init.parts import Item, Part, list_items
from deeplab.data.init.roles import split_of

_PAIR = re.compile(r"\S.*\.\w{2,5}[\s,;]+\S.*\.\w{2,5}")
_ENOUGH = 0.9
_FORMATS = (".txt", ".lst")

Lists = Mapping[Path, tuple[str, ...]]
"""The lines of each file that may be a list."""


def read_lists(folders: Iterable[Folder]) -> Lists:
    """Read all text files below a folder that have lines; others and binary ones are left out."""
    lists = {}
    for folder in folders:
        for name in folder.file_names:
            path = folder.path / name
            if path.suffix.lower() in _FORMATS and (lines := _lines(path)):
                lists[path] = lines
    return lists


def find_pair_lists(root: Path, lists: Lists) -> tuple[dict[str, Part], list[str]]:
    """Find the lists of pairs: the part that each is of, and what was left out.

    Args:
        root: The data set's folder.
        lists: Of `read_lists`.

    Returns:
        The parts by their splits ("" for a list of no split), and notes.
    """
    parts: dict[str, Part] = {}
    notes: list[str] = []
    for path, lines in lists.items():
        if not all(map(_PAIR.fullmatch, lines)):
            continue
        for folder in (root, path.parent):
            files = SplitFiles(folder, list_path=path)
            items, num_missing = list_items(root, files)
            if _is_enough(len(items), num_missing, path, notes):
                _add(parts, path, Part(items, files, is_whole=not num_missing))
                break
    return parts, notes


def find_name_lists(root: Path, pool: Part, lists: Lists) -> tuple[dict[str, Part], list[str]]:
    """Find the lists of names of pictures that are there: the part of each, and what was left out.

    Args:
        root: The data set's folder.
        pool: The pictures that there are.
        lists: Of `read_lists`.
    """
    by_name = _by_all_names(root, pool)
    parts: dict[str, Part] = {}
    notes: list[str] = []
    for path, lines in sorted(lists.items(), key=lambda one: "Segmentation" in one[0].parts):
        named = [by_name.get(line) for line in lines]
        items = {item.name: item for item in named if item is not None}
        if items and _is_enough(len(items), named.count(None), path, notes):
            _add(parts, path, _as_part(root, path, pool, tuple(items.values())))
    return parts, notes


def _as_part(root: Path, path: Path, pool: Part, items: tuple[Item, ...]) -> Part:
    """Take the user's list where it is read as these items, else one of our own is needed."""
    if pool.files is not None:
        files = replace(pool.files, list_path=path)
        read, num_missing = list_items(root, files)
        if read == items and not num_missing:
            return Part(items, files, is_whole=True)
    return Part(items, pool.files)


def _is_enough(num_found: int, num_missing: int, path: Path, notes: list[str]) -> bool:
    total = num_found + num_missing
    if num_missing and num_found:
        is_enough = num_found >= _ENOUGH * total
        fate = "these are left out" if is_enough else "the list is not taken"
        notes.append(
            f"{path.name}: {num_missing} of the {total} pictures it names are not here, or have no "
            f"label map; {fate}"
        )
        return is_enough
    return num_found > 0


def _add(parts: dict[str, Part], path: Path, part: Part) -> None:
    parts[split_of(path.stem)] = part


def _by_all_names(root: Path, pool: Part) -> dict[str, Item]:
    """Name each item in all ways that lists do: id, file name, path, each with format or not."""
    names: dict[str, Item] = {}
    for item in pool.items:
        for name in _names_of(root, item):
            names.setdefault(name, item)
    return names


def _names_of(root: Path, item: Item) -> Iterator[str]:
    relative = item.picture_path.relative_to(root)
    yield item.name
    for path in (relative, Path(relative.name)):
        yield from (path.as_posix(), path.with_suffix("").as_posix(), f"/{path.as_posix()}")


def _lines(path: Path) -> tuple[str, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return ()
    return tuple(line.strip() for line in text.splitlines() if line.strip())
