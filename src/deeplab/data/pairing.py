"""Which files belong together: pictures and label maps of a split, by lists or by their names."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from deeplab import imaging
from deeplab.data.description import DataDescription, SplitFiles

_PAIR = re.compile(r"(.*\S\.\w{2,5})(?:\s*[,;\t]\s*|\s+)(\S.*\.\w{2,5})")
_LABEL_SUFFIXES = frozenset({".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg"})


@dataclass(frozen=True)
class Entry:
    """One picture of a split with the files that were found for it.

    Attributes:
        name: Its id: the name of its file, with the folders below `images` where there are some.
        picture_paths: The files that can be the picture; one, if all is well.
        label_paths: The files that can be its label map; likewise, or none in a split without.
    """

    name: str
    picture_paths: tuple[Path, ...]
    label_paths: tuple[Path, ...]


def list_entries(description: DataDescription, split: str) -> list[Entry]:
    """List the pictures of a split, in the order of its list, or of their names; none is opened.

    Files that are missing are told by entries without paths.

    Args:
        description: The data set.
        split: One of its splits.

    Raises:
        ValueError: No such split, or a list that cannot be read.
    """
    files = description.split(split)
    if files.list_path is None:
        pictures, labels = _pictures(files), _label_maps(files)
        return [_entry(name, pictures, labels) for name in sorted(pictures)]
    lines = _read_lines(files.list_path)
    pairs = [_PAIR.fullmatch(line) for line in lines]
    if lines and all(pairs):
        return [_pair(pair[1], pair[2], description, files) for pair in pairs if pair]
    pictures, labels = _pictures(files), _label_maps(files)
    return [_entry(_plain(line, files, pictures), pictures, labels) for line in lines]


def _entry(name: str, pictures: dict[str, list[Path]], labels: dict[str, list[Path]]) -> Entry:
    return Entry(name, tuple(pictures.get(name, ())), tuple(labels.get(name, ())))


def _plain(line: str, files: SplitFiles, pictures: dict[str, list[Path]]) -> str:
    """Give the name that a line of a list stands for: with or without suffix, or a path."""
    if line in pictures:
        return line
    path = Path(line)
    for candidate in (path.with_suffix(""), _below(path, files.images).with_suffix("")):
        if candidate.as_posix() in pictures:
            return candidate.as_posix()
    return line


def _below(path: Path, folder: Path) -> Path:
    """Drop the folders of a path that are those of `folder`: images/a.jpg is a.jpg there."""
    parts = path.parts
    for place in range(len(parts) - 1, 0, -1):
        if parts[place - 1] == folder.name:
            return Path(*parts[place:])
    return path


def _pair(picture: str, label_map: str, description: DataDescription, files: SplitFiles) -> Entry:
    """Find the two files that a line names, relative to the data set or to the split's folders."""
    folders = (description.root, files.images, files.masks or description.root)
    found = [
        tuple(path for path in (_resolve(text, folders),) if path is not None)
        for text in (picture, label_map)
    ]
    relative = _below(Path(picture.lstrip("/")), files.images)
    return Entry(relative.with_suffix("").as_posix(), found[0], found[1])


def _resolve(text: str, folders: tuple[Path, ...]) -> Path | None:
    """Find a file; DeepLab's own lists write /JPEGImages/NAME.jpg for a path below the data set."""
    candidates = [folder / text.lstrip("/") for folder in folders]
    if Path(text).is_absolute():
        candidates.append(Path(text))
    return next((path for path in candidates if path.is_file()), None)


def _read_lines(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a list of names ({error})") from None
    return [line.strip() for line in lines if line.strip()]


def _pictures(files: SplitFiles) -> dict[str, list[Path]]:
    """Find the pictures below a folder, by their names with its sub-folders, without suffix."""
    suffixes = imaging.picture_suffixes()

    def is_picture(path: Path) -> bool:
        if files.mask_suffix and files.masks == files.images:
            return path.suffix.lower() in suffixes and not path.name.endswith(files.mask_suffix)
        return path.suffix.lower() in suffixes

    return _by_name(files.images, files.image_suffix, is_picture)


def _label_maps(files: SplitFiles) -> dict[str, list[Path]]:
    if files.masks is None:
        return {}
    return _by_name(
        files.masks, files.mask_suffix, lambda path: path.suffix.lower() in _LABEL_SUFFIXES
    )


def _by_name(folder: Path, suffix: str, is_wanted: Callable[[Path], bool]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for path in _files(folder):
        if not is_wanted(path) or not path.name.endswith(suffix):
            continue
        name = path.name[: -len(suffix)] if suffix else path.stem
        found.setdefault(path.relative_to(folder).with_name(name).as_posix(), []).append(path)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(names) if not name.startswith("."))
