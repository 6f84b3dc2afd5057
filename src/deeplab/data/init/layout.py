"""How a folder is laid out: where its pictures and label maps are, and how they are divided.

Looked for, in this order: lists of pairs, as DeepLab and PaddleSeg write them; a folder of pictures
and one of label maps under any of the names that people give them, with or without splits (VOC and
Cityscapes among them); label maps beside their pictures. Lists of names divide what is found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from deeplab import imaging
from deeplab.data.description import SplitFiles
from deeplab.data.find import Folder, list_folders
from deeplab.data.init.exports import find_export
from deeplab.data.init.lists import Lists, find_name_lists, find_pair_lists, read_lists
from deeplab.data.init.match import Match, match, part_labels
from deeplab.data.init.parts import POOL, Item, Layout, Part, make_part
from deeplab.data.init.roles import MINOR_WORDS, Kind, Role, role_of

_NEARLY_ALL = 0.95
_MOST_SHOWN = 3
_BESIDE = ("beside their pictures",)


@dataclass
class _Tree:
    """The pictures, or label maps, in all folders of one name: by split, by name without roles."""

    files: dict[str, dict[str, Path]] = field(default_factory=dict)
    bases: dict[str, list[Path]] = field(default_factory=dict)

    def add(self, role: Role, base: Path, folder: Folder, suffixes: frozenset[str]) -> None:
        for name in folder.file_names:
            if Path(name).suffix.lower() in suffixes:
                key = "/".join((*role.rest, name))
                self.files.setdefault(role.split, {})[key] = folder.path / name
                bases = self.bases.setdefault(role.split, [])
                if base not in bases:
                    bases.append(base)


_Trees = Mapping[Kind, Mapping[tuple[str, ...], _Tree]]


@dataclass(frozen=True)
class _Reading:
    """One way to read the folder: a tree of pictures with one of label maps."""

    pictures: tuple[str, ...]
    labels: tuple[str, ...]
    parts: Mapping[str, Part]
    unlabelled: int

    @property
    def num_pairs(self) -> int:
        return sum(len(part.items) for part in self.parts.values())


def infer_layout(root: Path, *, images: Path | None = None, masks: Path | None = None) -> Layout:
    """Find out how a folder is laid out; no picture is opened.

    Args:
        root: The folder.
        images: Folder of the pictures, where that is not to be guessed.
        masks: Folder of the label maps, likewise.

    Raises:
        ValueError: Nothing to be found, annotations that have to be converted first, or several
            readings that are equally likely; the message says what was found and what to do.
    """
    for folder in (root, images, masks):
        if folder is not None and not folder.is_dir():
            raise ValueError(f"{folder}: no such folder")
        if folder is not None and not folder.resolve().is_relative_to(root.resolve()):
            raise ValueError(
                f"{folder}: not below {root}; give the folder that holds both as the data set's"
            )
    folders = list_folders(root, leave_out=root / "data.yaml")
    lists = read_lists(folders)
    if images is None and masks is None:
        parts, notes = find_pair_lists(root, lists)
        if parts:
            names = ", ".join(
                part.files.list_path.name
                for part in parts.values()
                if part.files and part.files.list_path
            )
            return Layout(f"lists of pairs ({names})", parts, tuple(notes))
    trees = _plant(root, folders, images, masks)
    reading, notes = _choose(root, _read_all(root, trees), trees)
    if reading is None:
        raise ValueError(_say_nothing(root, folders, trees))
    return _divide(root, reading, trees, lists, notes)


def _plant(
    root: Path, folders: Iterable[Folder], images: Path | None, masks: Path | None
) -> dict[Kind, dict[tuple[str, ...], _Tree]]:
    """Gather all pictures below a folder by what their folders' names say."""
    suffixes = imaging.picture_suffixes()
    trees: dict[Kind, dict[tuple[str, ...], _Tree]] = {}
    for folder in folders:
        role, base = _role(root, folder.path, images, masks)
        tree = trees.setdefault(role.kind, {}).setdefault(role.tree, _Tree())
        tree.add(role, base, folder, suffixes)
    return {
        kind: {name: tree for name, tree in named.items() if tree.files}
        for kind, named in trees.items()
    }


def _role(root: Path, path: Path, images: Path | None, masks: Path | None) -> tuple[Role, Path]:
    """Tell what a folder is: by what the user says of it, else by its name."""
    for given, kind in ((images, "pictures"), (masks, "labels")):
        if given is not None and path.resolve().is_relative_to(given.resolve()):
            below = path.resolve().relative_to(given.resolve())
            role = role_of(below)
            base = root / given.resolve().relative_to(root.resolve()) / role.base
            said: Kind = "" if images == masks else ("pictures" if kind == "pictures" else "labels")
            return replace(role, kind=said, tree=(given.name,)), base
    role = role_of(path.relative_to(root))
    is_said = (images is not None and role.kind in ("pictures", "")) or (
        masks is not None and role.kind in ("labels", "")
    )
    return (replace(role, kind="other") if is_said else role), root / role.base


def _read_all(root: Path, trees: _Trees) -> list[_Reading]:
    pictures = trees.get("pictures") or trees.get("", {})
    readings = [
        _read(root, (picture_name, picture_tree), (label_name, label_tree))
        for picture_name, picture_tree in pictures.items()
        for label_name, label_tree in trees.get("labels", {}).items()
    ]
    if any(reading.num_pairs for reading in readings):
        return readings
    everything = [tree for named in trees.values() for tree in named.items()]
    return [_read_beside(root, name, tree) for name, tree in everything]


def _read(
    root: Path, pictures: tuple[tuple[str, ...], _Tree], labels: tuple[tuple[str, ...], _Tree]
) -> _Reading:
    """Pair two trees, split by split; where one has no splits, those of the other divide it."""
    parts: dict[str, Part] = {}
    unlabelled = 0
    for split in dict.fromkeys((*pictures[1].files, *labels[1].files)):
        from_split = split if split in pictures[1].files else POOL
        to_split = split if split in labels[1].files else POOL
        candidates = pictures[1].files.get(from_split, {})
        found = match(candidates, labels[1].files.get(to_split, {})) if candidates else Match({})
        if found.pairs:
            bases = pictures[1].bases[from_split], labels[1].bases[to_split]
            parts[split] = make_part(root, found, *bases)
            unlabelled += len(candidates) - len(found.pairs) if from_split == split else 0
    return _Reading(pictures[0], labels[0], parts, unlabelled)


def _read_beside(root: Path, name: tuple[str, ...], tree: _Tree) -> _Reading:
    parts: dict[str, Part] = {}
    unlabelled = 0
    for split, files in tree.files.items():
        labels = part_labels(files)
        pictures = {key: path for key, path in files.items() if key not in labels}
        found = match(pictures, {key: files[key] for key in labels}) if labels else Match({})
        if found.pairs:
            parts[split] = make_part(root, found, tree.bases[split], tree.bases[split])
            unlabelled += len(pictures) - len(found.pairs)
    return _Reading(name, _BESIDE, parts, unlabelled)


def _choose(
    root: Path,
    readings: Sequence[_Reading],
    trees: _Trees,
) -> tuple[_Reading | None, list[str]]:
    """Choose the reading that pairs most; of equals, one that names tell to be meant."""
    found = [reading for reading in readings if reading.num_pairs]
    if not found:
        return None, []
    most = max(reading.num_pairs for reading in found)
    best = [reading for reading in found if reading.num_pairs >= _NEARLY_ALL * most]
    for is_meant in (
        lambda one: not MINOR_WORDS.search("/".join(one.labels)),
        lambda one: one.labels[-1].endswith("aug"),
    ):
        best = [one for one in best if is_meant(one)] or best
    if len(best) > 1:
        ways = "; ".join(f"{_say(root, one, trees)}: {one.num_pairs} pairs" for one in best)
        raise ValueError(
            f"{root}: several readings are equally likely ({ways}): say which with --images FOLDER "
            "and --masks FOLDER"
        )
    others = [_say(root, one, trees) for one in found if one is not best[0]]
    return best[0], [f"not taken: {other}" for other in others]


def _say(root: Path, reading: _Reading, trees: _Trees) -> str:
    pictures = _folder_of(root, reading.pictures, trees)
    if reading.labels == _BESIDE:
        return f"label maps beside the pictures in {pictures}"
    return f"pictures in {pictures}, label maps in {_folder_of(root, reading.labels, trees)}"


def _folder_of(root: Path, name: tuple[str, ...], trees: _Trees) -> str:
    tree = next(named[name] for named in trees.values() if name in named)
    bases = {base for bases in tree.bases.values() for base in bases}
    shown = sorted(base.relative_to(root).as_posix() for base in bases)
    return " and ".join(shown[:_MOST_SHOWN]) + (" ..." if len(shown) > _MOST_SHOWN else "")


def _divide(
    root: Path,
    reading: _Reading,
    trees: _Trees,
    lists: Lists,
    notes: list[str],
) -> Layout:
    """Divide what was found: by folders, else by lists of names; else it is a pool."""
    parts = dict(reading.parts)
    if reading.unlabelled:
        notes.append(f"{reading.unlabelled} pictures have no label map: they are left out")
    parts |= _without_labels(reading, trees, notes)
    what = _say(root, reading, trees)
    if list(parts) != [POOL]:
        if POOL in parts:
            notes.append(
                f"{len(parts[POOL].items)} pairs lie outside of the splits' folders: left out"
            )
            del parts[POOL]
        return Layout(what, parts, tuple(notes))
    listed, more = find_name_lists(root, parts[POOL], lists)
    notes += more
    if listed and set(listed) != {POOL}:
        listed.pop(POOL, None)
        return Layout(f"{what}, lists of names", listed, tuple(notes))
    return Layout(what, listed or parts, tuple(notes))


def _without_labels(
    reading: _Reading,
    trees: _Trees,
    notes: list[str],
) -> dict[str, Part]:
    """Find splits that have pictures alone, as test sets have."""
    pictures = next(
        named[reading.pictures] for named in trees.values() if reading.pictures in named
    )
    parts = {}
    for split, files in pictures.files.items():
        if split and split not in reading.parts and len(pictures.bases[split]) == 1:
            base = pictures.bases[split][0]
            items = tuple(
                Item(Path(key).with_suffix("").as_posix(), path, None)
                for key, path in files.items()
            )
            parts[split] = Part(items, SplitFiles(base), is_whole=True)
            notes.append(f"{split}: {len(files)} pictures without label maps")
    return parts


def _say_nothing(root: Path, folders: Sequence[Folder], trees: _Trees) -> str:
    """Say why no pairs were found, and what to do."""
    export = find_export(folders)
    if export:
        tool, path = export
        return (
            f"{root}: annotations of {tool} ({path.relative_to(root)}), which have to be drawn as "
            "label maps first: run `deeplab data convert`, then `deeplab data init` on what it "
            "wrote"
        )
    num_pictures = sum(
        len(files)
        for kind, named in trees.items()
        for tree in named.values()
        for files in tree.files.values()
        if kind in ("pictures", "")
    )
    num_labels = sum(
        len(files) for tree in trees.get("labels", {}).values() for files in tree.files.values()
    )
    if not num_pictures and not num_labels:
        return f"{root}: no pictures in it or below it (of those that Pillow reads)"
    if num_pictures and num_labels:
        return (
            f"{root}: {num_pictures} pictures and {num_labels} label maps, but no two names agree; "
            "give both the same name (images/1.jpg, masks/1.png), or write a list of pairs, "
            "'images/1.jpg masks/1.png' a line, as train.txt and val.txt"
        )
    lacking = "label maps" if num_pictures else "pictures"
    option = "--masks" if num_pictures else "--images"
    return (
        f"{root}: {num_pictures or num_labels} {'pictures' if num_pictures else 'label maps'} but "
        f"no {lacking}: put them into a folder {'masks' if num_pictures else 'images'} beside, or "
        f"say where they are with {option} FOLDER"
    )
