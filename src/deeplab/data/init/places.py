"""Where the files of each split are, as `data.yaml` says it, and the lists that it takes."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from deeplab.data.description import SplitFiles
from deeplab.data.init.parts import Item, Part


def say_where(
    target: Path, parts: Mapping[str, Part], overwrite: bool
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


def place_in(folder: Path, path: Path) -> str:
    """Write a path relative to a folder, or whole if it is not below it."""
    path, folder = path.absolute(), folder.absolute()
    return (path.relative_to(folder) if path.is_relative_to(folder) else path.resolve()).as_posix()


def _pair(item: Item, target: Path) -> str:
    paths = [path for path in (item.picture_path, item.label_path) if path is not None]
    return "\t".join(place_in(target, path) for path in paths) + "\n"
