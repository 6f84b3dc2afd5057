"""Class names in files: plain lists, numbered ones, and those that give each class a colour.

Known are `classes.txt`, `labels.txt`, `codes.txt` and the like with one name a line, its label in
front or not; tables as CamVid's `class_dict.csv` (name,r,g,b); `label_colors.txt` (r g b
name); and the `labelmap.txt` that CVAT writes (name:r,g,b::).
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.data.find import Folder
from deeplab.labels import Colour

_STEMS = (
    *("classes", "class_names", "classnames", "class_dict", "class_list", "label_names", "labels"),
    *("label_colors", "label_colours", "labelmap", "label_map", "codes", "names", "categories"),
)
_FORMATS = (".txt", ".csv", ".names", ".tsv")
_NUMBERS = r"(\d{1,3})[\s,;]+(\d{1,3})[\s,;]+(\d{1,3})"
_COLOUR_FIRST = re.compile(rf"{_NUMBERS}[\s,;:]+(\S.*)")
_COLOUR_LAST = re.compile(rf"(\S.*?)[\s,;:]+{_NUMBERS}(?::.*)?")
_LABEL_FIRST = re.compile(r"(\d+)\s*[:,;=\s]\s*(\S.*)")
_COLUMNS = {
    "name": ("name", "class", "class_name", "class_names", "label", "category"),
    "label": ("id", "index", "value", "label_id", "class_id", "idx"),
    "red": ("r", "red"),
    "green": ("g", "green"),
    "blue": ("b", "blue"),
}

_VOID_NAMES = frozenset(
    {"void", "ignore", "ignored", "unlabeled", "unlabelled", "don't_care", "dontcare"}
)


@dataclass(frozen=True)
class NamedClasses:
    """Classes as somebody names them, void among them where it has a name.

    Attributes:
        source: What names them, for messages.
        names: In their order.
        labels: The value of each in label maps; None: not said, which means 0, 1, 2, ...
        colours: The colour of each; None: not said.
    """

    source: str
    names: tuple[str, ...]
    labels: tuple[int, ...] | None = None
    colours: tuple[Colour, ...] | None = None


def find_class_file(folders: Iterable[Folder]) -> NamedClasses | None:
    """Find and read a file of class names, the nearest to the top; one with colours goes first.

    Raises:
        ValueError: A file of such a name that cannot be read.
    """
    found = [
        read_class_file(folder.path / name)
        for folder in folders
        for name in folder.file_names
        if Path(name).suffix.lower() in _FORMATS and Path(name).stem.lower() in _STEMS
    ]
    return max(found, key=lambda classes: classes.colours is not None, default=None)


def read_class_file(path: Path) -> NamedClasses:
    """Read a file of class names.

    Raises:
        ValueError: Not a text, or without a name, or colours that are none.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not a list of class names ({error})") from None
    lines = [line.strip() for line in text.splitlines() if line.strip(" ,;\t")]
    lines = [line for line in lines if not line.startswith(("#", "//"))]
    if not lines:
        raise ValueError(f"{path}: no class names in it; write one a line, or remove it")
    return _read_table(path, lines) or _read_lines(path, lines)


def is_void_name(name: str) -> bool:
    """Tell whether a class is void by its name, such as "Void", "unlabelled" or "__ignore__"."""
    return name.strip().strip("_").lower().replace(" ", "_") in _VOID_NAMES


def _read_table(path: Path, lines: Sequence[str]) -> NamedClasses | None:
    """Read a table whose first line names its columns; None: it does not."""
    separator = next((one for one in ",;\t" if one in lines[0]), ",")
    head, *rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    words = [word.strip().lower() for word in head]
    places = {
        column: next((words.index(word) for word in known if word in words), None)
        for column, known in _COLUMNS.items()
    }
    name = places["name"]
    if name is None or not rows:
        return None
    names = tuple(row[name].strip() for row in rows)
    label = places["label"]
    labels = None if label is None else tuple(_number(row[label], path) for row in rows)
    channels = [places[channel] for channel in ("red", "green", "blue")]
    if None in channels:
        return NamedClasses(path.name, names, labels)
    colours = tuple(
        _colour([row[place] for place in channels if place is not None], path) for row in rows
    )
    return NamedClasses(path.name, names, labels, colours)


def _read_lines(path: Path, lines: Sequence[str]) -> NamedClasses:
    first = [_COLOUR_FIRST.fullmatch(line) for line in lines]
    if all(first):
        found = [match.groups() for match in first if match]
        colours = tuple(_colour(one[:3], path) for one in found)
        return NamedClasses(path.name, tuple(one[3] for one in found), None, colours)
    last = [_COLOUR_LAST.fullmatch(line) for line in lines]
    if all(last):
        found = [match.groups() for match in last if match]
        colours = tuple(_colour(one[1:], path) for one in found)
        return NamedClasses(path.name, tuple(one[0] for one in found), None, colours)
    numbered = [_LABEL_FIRST.fullmatch(line) for line in lines]
    if all(numbered):
        pairs = [match.groups() for match in numbered if match]
        labels = tuple(int(label) for label, _ in pairs)
        return NamedClasses(path.name, tuple(name for _, name in pairs), labels)
    # labelme begins its lists with a name for what is not labelled; it has no value of its own
    names = lines[1:] if lines[0] == "__ignore__" else lines
    return NamedClasses(path.name, tuple(names))


def _colour(texts: Sequence[str], path: Path) -> Colour:
    red, green, blue = (_number(text, path) for text in texts)
    return red, green, blue


def _number(text: str, path: Path) -> int:
    if not text.strip().isdigit():
        raise ValueError(f"{path}: {text!r} is not a whole number, where a label or colour stands")
    return int(text)
