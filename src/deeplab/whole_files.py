"""Files that are there whole or not at all, whatever ends the process that writes them."""

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write a file so that it is there whole or not at all.

    Args:
        path: Where the file shall be; its folder must exist.
        write: Writes the content into the open file that it is given.
    """
    with there_when_whole(path) as unfinished, unfinished.open("xb") as file:
        write(file)


@contextmanager
def there_when_whole(path: Path) -> Iterator[Path]:
    """Give another path to write a file to, and rename it when all went well; else remove it.

    Args:
        path: Where the file shall be; its folder must exist.
    """
    unfinished = temporary_path(path)
    try:
        yield unfinished
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def temporary_path(path: Path) -> Path:
    """Name what is not finished yet, beside what it becomes; see `unfinished_files`."""
    # Not `tempfile`: its files are readable by their owner only, and stay so when renamed.
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def unfinished_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Find what has a `temporary_path` in a folder, and what it was to be called.

    Such a file is being written just now, or its process was killed.
    """
    for path in folder.glob(f".*.{'[0-9a-f]' * 8}.tmp"):
        yield path, path.name[1:].removesuffix(".tmp")[:-9]
