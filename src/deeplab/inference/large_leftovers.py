"""What is kept of pictures in tiles that nobody went on with: told of, and removed in the end."""

import logging
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deeplab.inference.files import Job
from deeplab.inference.large_spool import spool_folder, spools_in

_log = logging.getLogger(__name__)

_DAY_S = 86_400
_MOST_TOLD = 3


@dataclass(frozen=True)
class Leftover:
    """What a run that was interrupted has kept of a picture.

    Attributes:
        folder: Where it is.
        days: Since somebody worked on it.
        num_bytes: What it takes.
    """

    folder: Path
    days: float
    num_bytes: int

    def __str__(self) -> str:
        """Say what it is."""
        return f"{self.folder} ({_size(self.num_bytes)}, {self.days:.0f} days old)"


def clear_old_spools(
    jobs: Iterable[Job],
    in_tiles: Iterable[Job],
    *,
    told_after_days: float = 1,
    removed_after_days: float = 30,
) -> None:
    """Tell what is kept of other pictures where results go, and remove what is very old.

    What is young may be at work just now, or its owner has just been told of it.

    Args:
        jobs: What is to be done: their folders are looked into.
        in_tiles: Those of them that go on with what is kept, which is left alone.
        told_after_days: A warning names what nobody worked on for so long.
        removed_after_days: Such is removed.
    """
    ours = {spool_folder(job.prefix) for job in in_tiles}
    kept = []
    for folder in sorted({job.prefix.parent for job in jobs}):
        for one in _leftovers(folder):
            if one.folder in ours or one.days < told_after_days:
                continue
            if one.days < removed_after_days:
                kept.append(one)
                continue
            shutil.rmtree(one.folder, ignore_errors=True)
            _log.warning("removed %s: a picture in tiles that was never finished", one)
    if kept:
        names = ", ".join(map(str, kept[:_MOST_TOLD]))
        more = f" and {len(kept) - _MOST_TOLD} more" if len(kept) > _MOST_TOLD else ""
        _log.warning(
            "pictures in tiles that were interrupted: %s%s; the same commands go on with them, "
            "and what nobody went on with for %g days is removed",
            names,
            more,
            removed_after_days,
        )


def clear_finished_spool(prefix: Path, results: Iterable[Path]) -> None:
    """Remove what is kept of a picture whose results are there, if they were made of it.

    A run may be killed between its results and that. What is younger than results is of a run that
    is to make them again.

    Args:
        prefix: Folder and beginning of the names of the results.
        results: All of them.
    """
    folder = spool_folder(prefix)
    with suppress(FileNotFoundError):
        last_kept = folder.stat().st_mtime_ns
        if last_kept <= min((path.stat().st_mtime_ns for path in results), default=0):
            shutil.rmtree(folder, ignore_errors=True)


def _leftovers(folder: Path) -> Iterator[Leftover]:
    now = time.time()
    for spool in spools_in(folder):
        with suppress(FileNotFoundError):  # another run has just finished it
            num_bytes = sum(path.stat().st_size for path in spool.iterdir())
            yield Leftover(spool, (now - spool.stat().st_mtime) / _DAY_S, num_bytes)


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:.1f} GB" if num_bytes >= 1e9 else f"{num_bytes / 1e6:.0f} MB"
