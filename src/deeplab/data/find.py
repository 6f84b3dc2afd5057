"""Finding the official files of a data set, wherever below a folder they were unpacked."""

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

_DEEPEST = 6  # levels of folders: VOCdevkit/VOC2012/ImageSets/Segmentation is 4 of them


@dataclass(frozen=True)
class Folder:
    """A folder and its own files.

    Attributes:
        path: Of the folder.
        file_names: Of the files in it, but for hidden ones, sorted.
    """

    path: Path
    file_names: tuple[str, ...]

    def files(self, suffix: str) -> dict[str, Path]:
        """Give the files with a suffix (".mat") by their names without it."""
        return {
            name[: -len(suffix)]: self.path / name
            for name in self.file_names
            if name.endswith(suffix)
        }


def list_folders(root: Path, *, leave_out: Path) -> tuple[Folder, ...]:
    """List a folder and those below it, nearest first, with their files.

    Hidden ones are left out, and so are prepared data sets (with a `data.yaml`) below the root.

    Args:
        root: Where to begin.
        leave_out: A folder to leave out with all below it: where the prepared set goes.
    """
    left_out = leave_out.resolve()
    found = []
    for name, sub_folders, file_names in os.walk(root, followlinks=True):
        path = Path(name)
        depth = len(path.relative_to(root).parts)
        if path.resolve() == left_out or (depth and "data.yaml" in file_names):
            sub_folders.clear()
            continue
        sub_folders[:] = sorted(_visible(sub_folders)) if depth < _DEEPEST else []
        found.append(Folder(path, tuple(sorted(_visible(file_names)))))
    return tuple(sorted(found, key=lambda folder: (len(folder.path.parts), folder.path)))


def find_pictures(folders: Sequence[Folder]) -> dict[str, Path]:
    """Find the `.jpg` pictures by their ids; of several of one id, one in `JPEGImages` counts."""
    pictures: dict[str, Path] = {}
    for folder in sorted(folders, key=lambda folder: folder.path.name == "JPEGImages"):
        pictures |= folder.files(".jpg")
    return pictures


def find_list(
    folders: Sequence[Folder], split: str, *, official: int, known: Collection[str]
) -> list[str]:
    """Find the list of a split among the files `SPLIT.txt`, `SPLIT_id.txt` and `SPLIT_123.txt`.

    VOC keeps lists of one name for several tasks. The one with the official number of ids counts,
    else the one with the most ids that are known.

    Args:
        folders: Where to look.
        split: Such as "train".
        official: How many ids the list has in the full set.
        known: Ids that have annotations here.

    Returns:
        Its ids in their order, without what else stands in the lines; none if there is no list.

    Raises:
        ValueError: An id stands in the list twice.
    """
    known = set(known)
    best: tuple[bool, int] = (False, 0)
    chosen: list[str] = []
    for folder in folders:
        for name in folder.file_names:
            if re.fullmatch(rf"{split}(_ids?|_\d+)?\.txt", name):
                ids = _read_ids(folder.path / name)
                fits = (len(ids) == official, len(known.intersection(ids)))
                if fits[1] and fits > best:
                    best, chosen = fits, ids
    return chosen


def _read_ids(path: Path) -> list[str]:
    """Read the first words of all lines: `aeroplane_train.txt` and others have marks behind."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a list of ids ({error})") from error
    ids = [line.split()[0] for line in lines if line.strip()]
    twice = len(ids) - len(set(ids))
    if twice:
        raise ValueError(f"{path}: {twice} ids stand in it more than once")
    return ids


def _visible(names: list[str]) -> list[str]:
    return [name for name in names if not name.startswith(".")]
