"""Annotations in JSON and XML: what annotation tools export, to be drawn as label maps first."""

from collections.abc import Iterable
from pathlib import Path

from deeplab.data.find import Folder

_READ = 1 << 16
_MOST_FILES = 20


def find_export(folders: Iterable[Folder]) -> tuple[str, Path] | None:
    """Find annotations of COCO, labelme, CVAT or Label Studio: the tool's name and a file.

    Only heads and ends of files are read: COCO's have hundreds of megabytes.
    """
    for folder in folders:
        files = [name for name in folder.file_names if name.lower().endswith((".json", ".xml"))]
        for name in files[:_MOST_FILES]:
            tool = _tool_of(folder.path / name)
            if tool:
                return tool, folder.path / name
    return None


def _tool_of(path: Path) -> str:
    try:
        text = _ends(path)
    except OSError:
        return ""
    if path.suffix.lower() == ".xml":
        return "CVAT" if "<annotations" in text and "<image" in text + "<track" else ""
    if '"shapes"' in text and ('"imagePath"' in text or '"imageData"' in text):
        return "labelme"
    if '"images"' in text and ('"annotations"' in text or '"categories"' in text):
        return "COCO"
    if text.lstrip("\ufeff \r\n\t").startswith("[") and (
        '"completions"' in text or ('"annotations"' in text and '"data"' in text)
    ):
        return "Label Studio"
    return ""


def _ends(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_READ)
        size = file.seek(0, 2)
        file.seek(max(len(head), size - _READ))
        return (head + file.read()).decode(errors="replace")
