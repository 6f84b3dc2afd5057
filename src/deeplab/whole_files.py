"""Files that are there whole or not at all, whatever ends the process that writes them."""

import errno
import functools
import hashlib
import os
import platform
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

HOPELESS = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}
"""Where one file could not be written for these, no other one can: full, or read-only."""


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


Owner = Literal["ours", "running", "gone", "unknown"]
"""The process that writes a file: this one, another that runs or does not run any more."""


@dataclass(frozen=True)
class UnfinishedFile:
    """What has a `temporary_path`: it is being written just now, or its process was killed.

    Attributes:
        path: Where it is; may be a folder.
        name: What it was to be called.
        owner: Who writes it; unknown where that was on another machine, or before a restart.
    """

    path: Path
    name: str
    owner: Owner


def temporary_path(path: Path) -> Path:
    """Name what is not finished yet, beside what it becomes; see `unfinished_files`."""
    # Not `tempfile`: its files are readable by their owner only, and stay so when renamed.
    owner = f"{_machine()}{os.getpid() & 0xFFFFFF:06x}"
    return path.with_name(f".{path.name}.{owner}{secrets.token_hex(2)}.tmp")


def unfinished_files(folder: Path) -> Iterator[UnfinishedFile]:
    """Find what has a `temporary_path` in a folder."""
    for path in folder.glob(".*.tmp"):
        match = _TEMPORARY_NAME.fullmatch(path.name)
        if match:
            yield UnfinishedFile(path, match[1], _owner(match[2]))


_TEMPORARY_NAME = re.compile(r"\.(.+)\.((?:[0-9a-f]{8}){1,2})\.tmp", re.DOTALL)


def _owner(token: str) -> Owner:
    if len(token) == 8 or token[:6] != _machine() or os.name == "nt":  # where kill(pid, 0) kills
        return "unknown"
    process = int(token[6:12], 16)
    if process == os.getpid():
        return "ours"
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return "gone"
    except OSError:  # it is somebody else's
        pass
    return "running"


@functools.cache
def _machine() -> str:
    """Tell this machine, since it was started, from others: whose numbers of processes these are.

    Returns:
        Six hexadecimal digits.
    """
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))  # containers have numbers of their own
    return hashlib.blake2s("\n".join(parts).encode(), digest_size=3).hexdigest()
