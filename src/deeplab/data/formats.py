"""The annotation formats that can be converted, and how files are told apart by their content."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.data import coco_tools, cvat, label_studio, labelme
from deeplab.data.annotated import Annotations, ReadOptions, count
from deeplab.data.coco_json import read_coco_json
from deeplab.data.find import list_folders

AUTO = "auto"


@dataclass(frozen=True)
class Format:
    """One tool's files.

    Attributes:
        title: What people call it.
        suffix: Of its files.
        recognises: Tells from parsed content whether a file is of this format.
        read: Reads files.
    """

    title: str
    suffix: str
    recognises: Callable[..., bool]
    read: Callable[[Sequence[Path], Path, ReadOptions], Annotations]


FORMATS: Mapping[str, Format] = {
    "coco": Format("COCO JSON", ".json", coco_tools.recognises, coco_tools.read),
    "labelme": Format("labelme JSON", ".json", labelme.recognises, labelme.read),
    "cvat": Format("CVAT XML 1.1", ".xml", cvat.recognises, cvat.read),
    "labelstudio": Format("Label Studio", ".json", label_studio.recognises, label_studio.read),
}
"""All of them, by the names that people type; the first that recognises a file counts."""


def read_annotations(
    source: Path, format_name: str, options: ReadOptions, *, leave_out: Path
) -> tuple[str, Annotations, tuple[str, ...]]:
    """Find annotation files and read them.

    Args:
        source: A file, or a folder.
        format_name: One of `FORMATS`, or "auto".
        options: What tools leave open.
        leave_out: A folder to leave out: where the converted set goes.

    Returns:
        The title of the format, the annotations, and which files were passed over.

    Raises:
        ValueError: There are none, or of several tools, or not of this one.
    """
    if format_name not in (AUTO, *FORMATS):
        known = ", ".join((AUTO, *FORMATS))
        raise ValueError(f"unknown format {format_name!r}: known are {known}")
    if not source.exists():
        raise ValueError(f"{source}: no such file or folder")
    found, passed_over = _sort(_candidates(source, format_name, leave_out))
    name = format_name if format_name != AUTO else _only(found, source)
    if not found.get(name):
        others = {FORMATS[other].title: paths for other, paths in found.items()}
        hint = "".join(f"; {paths[0]} looks like {title}" for title, paths in others.items())
        raise ValueError(f"{source}: no annotations in {FORMATS[name].title}{hint}")
    root = source if source.is_dir() else source.parent
    annotations = FORMATS[name].read(found[name], root, options)
    if not annotations.pictures:
        raise ValueError(f"{found[name][0]}: there are no pictures in it")
    shown = f": {', '.join(path.name for path in passed_over[:5])}"
    note = f"{count(len(passed_over), 'other file')} passed over{shown}"
    return FORMATS[name].title, annotations, (note,) if passed_over else ()


def _candidates(source: Path, format_name: str, leave_out: Path) -> list[Path]:
    suffixes = {one.suffix for name, one in FORMATS.items() if format_name in (AUTO, name)}
    if source.is_file():
        return [source]
    return [
        folder.path / name
        for folder in list_folders(source, leave_out=leave_out)
        for name in folder.file_names
        if Path(name).suffix.lower() in suffixes
    ]


def _sort(paths: Sequence[Path]) -> tuple[dict[str, list[Path]], list[Path]]:
    """Put files to the formats that recognise them."""
    found: dict[str, list[Path]] = {}
    others = []
    for path in paths:
        suffix = ".xml" if path.suffix.lower() == ".xml" else ".json"
        content = cvat.parse_xml(path) if suffix == ".xml" else read_coco_json(path)
        names = [
            name
            for name, one in FORMATS.items()
            if one.suffix == suffix and one.recognises(content)
        ]
        if names:
            found.setdefault(names[0], []).append(path)
        elif path.name != label_studio.CONFIGURATION:
            others.append(path)
    return found, others


def _only(found: Mapping[str, Sequence[Path]], source: Path) -> str:
    if len(found) == 1:
        return next(iter(found))
    if not found:
        titles = ", ".join(one.title for one in FORMATS.values())
        raise ValueError(f"{source}: no annotations that are known ({titles})")
    examples = "; ".join(f"{paths[0]} is {FORMATS[name].title}" for name, paths in found.items())
    raise ValueError(f"{source}: annotations of several tools ({examples}); choose with --format")
