"""Putting a file in its place in a prepared data set without spending disk on it."""

import filecmp
import os
import shutil
from pathlib import Path

from deeplab import whole_files


def place_file(source: Path, target: Path) -> bool:
    """Put a file in a second place: a hard link where the disk allows it, else a copy.

    A file that is there already with the same content is left alone. The folder is made, and the
    file is there whole or not at all.

    Args:
        source: The file; of a symbolic link, what it leads to.
        target: Where it shall be too, under this name.

    Returns:
        Whether anything was changed.

    Raises:
        ValueError: There is no such file.
    """
    source = source.resolve()
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    if target.exists() and filecmp.cmp(source, target):  # the time counts: copies have it too
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole_files.there_when_whole(target) as unfinished:
        _link_or_copy(source, unfinished)
    return True


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # another disk, a file system without links, or a file that is not ours
        shutil.copyfile(source, target)  # not its permissions: data sets are often read-only
        status = source.stat()
        os.utime(target, ns=(status.st_atime_ns, status.st_mtime_ns))
