"""Many pictures and videos: which files are meant, and what their results are called.

Results keep the sub-folders that their pictures have below the folder or pattern that was given.
"""

import glob
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from deeplab import imaging
from deeplab.inference.outputs import (
    RESULT_SUFFIXES,
    Output,
    check_picture_outputs,
    check_video_outputs,
)
from deeplab.inference.shares import ClassShare
from deeplab.inference.video_read import VIDEO_SUFFIXES

STANDARD_INPUT = "-"

TellFrames = Callable[[str, int, int], object]
"""Is told of a video its name, and how many pictures of how many (0: nobody knows) are done."""


@dataclass(frozen=True)
class Job:
    """One picture, or video, to do.

    Attributes:
        name: What to call it when talking to people: its path, or "-".
        source: Where to read it.
        prefix: Folder and beginning of the file names of its results.
    """

    name: str
    source: Path | BinaryIO
    prefix: Path

    @property
    def is_video(self) -> bool:
        """Whether it is a video, by the name of its file."""
        return isinstance(self.source, Path) and self.source.suffix.lower() in VIDEO_SUFFIXES


@dataclass(frozen=True)
class Outcome:
    """What became of one picture.

    Attributes:
        name: The picture, as in its `Job`.
        status: "skipped" means that all its outputs were there already.
        outputs: The files of its results; empty if it failed.
        size: Height and width of the upright picture, if it was done now.
        found: The classes in it, if it was done now.
        num_frames: How many pictures a video has, if it was done now.
        reason: Why it failed.
    """

    name: str
    status: Literal["done", "skipped", "failed"]
    outputs: dict[Output, Path] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    found: tuple[ClassShare, ...] = ()
    num_frames: int | None = None
    reason: str = ""


def find_jobs(
    inputs: Sequence[str], out_dir: Path, *, standard_input: BinaryIO
) -> tuple[list[Job], list[Outcome]]:
    """Find the pictures that are meant, and name their results.

    Args:
        inputs: Files, folders (searched with their sub-folders for names that Pillow knows),
            glob patterns ("**" for any depth), or "-". Hidden files, and results of ours, are
            not picked up from folders and patterns; nor are videos from folders, as cameras put
            one beside every picture. A picture that is named twice is done once.
        out_dir: Folder for the results.
        standard_input: What "-" stands for; its results are called "stdin".

    Returns:
        What to do, and an outcome for every input that leads to no picture.

    Raises:
        ValueError: Results of two pictures would have the same name.
    """
    found: dict[str, tuple[Path, Path]] = {}  # absolute path -> path, place below out_dir
    failures = []
    for text in inputs:
        if text == STANDARD_INPUT:
            found.setdefault(text, (Path(text), Path("stdin")))
            continue
        pictures = list(_expand(text))
        for path, place in pictures:
            found.setdefault(os.path.abspath(path), (path, place))
        if not pictures:
            failures.append(Outcome(text, "failed", reason=_why_nothing(text)))
    places = _distinct_places(list(found.values()))
    jobs = [
        Job(
            name=str(path),
            source=standard_input if key == STANDARD_INPUT else path,
            prefix=out_dir / place,
        )
        for (key, (path, _)), place in zip(found.items(), places, strict=True)
    ]
    return jobs, failures


def check_jobs(jobs: Iterable[Job], outputs: Sequence[str]) -> None:
    """Check that pictures and videos have the outputs that are wanted.

    Raises:
        ValueError: One has not.
    """
    for job in jobs:
        try:
            (check_video_outputs if job.is_video else check_picture_outputs)(outputs)
        except ValueError as error:
            raise ValueError(f"{job.name}: {error}") from None


def check_out_dir(out_dir: Path) -> None:
    """Check that results can be written, before any work is done; makes no folder.

    Raises:
        ValueError: It is no folder, or nothing can be written in it or in where it will be made.
    """
    whole = out_dir.absolute()
    there = next(folder for folder in (whole, *whole.parents) if folder.exists())
    if not there.is_dir():
        raise ValueError(f"{out_dir}: {there} is a file; give a folder for the results")
    if not os.access(there, os.W_OK | os.X_OK):
        raise ValueError(
            f"{out_dir}: nothing can be written in {there} (read-only); give another folder for "
            "the results, or allow writing there"
        )


def _expand(text: str) -> Iterator[tuple[Path, Path]]:
    """Find the pictures that one input means, each with the place of its results."""
    path = Path(text)
    if path.is_dir():
        yield from _in_folder(path, below=path)
    elif path.exists():
        yield path, Path(path.stem)
    elif glob.has_magic(text):
        below = _folder_of_pattern(path)
        for match in sorted(map(Path, glob.glob(text, recursive=True))):
            if match.is_dir() and "**" not in text:  # "**" has found what is in it already
                yield from _in_folder(match, below=below)
            elif match.is_file() and not _is_result(match):
                yield match, _place(match, below)


def _in_folder(folder: Path, *, below: Path) -> Iterator[tuple[Path, Path]]:
    suffixes = imaging.picture_suffixes()
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and not _is_result(Path(name))
        )
        for name in sorted(names):
            path = Path(parent, name)
            is_hidden = name.startswith(".")
            if path.suffix.lower() in suffixes and not is_hidden and not _is_result(path):
                yield path, _place(path, below)


def _place(path: Path, below: Path) -> Path:
    return path.relative_to(below).with_name(path.stem)


def _folder_of_pattern(pattern: Path) -> Path:
    parts = pattern.parts[:-1]
    fixed = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return Path(*parts[:fixed])


def _is_result(path: Path) -> bool:
    return path.name.endswith(RESULT_SUFFIXES)


def _why_nothing(text: str) -> str:
    if Path(text).is_dir():
        return (
            "no pictures in this folder (looked for names such as *.jpg, *.png, *.tif, *.webp; "
            "videos are to be named, as files or by a pattern)"
        )
    if glob.has_magic(text):
        return "no file matches this pattern"
    return "no such file"


def _distinct_places(found: Sequence[tuple[Path, Path]]) -> list[Path]:
    """Tell a.jpg from a.png by their full names; refuse what is still the same then."""
    # Compared without regard to case: on some file systems Cat and cat are one file.
    stems = Counter(str(place).casefold() for _, place in found)
    places = [
        place.with_name(path.name) if stems[str(place).casefold()] > 1 else place
        for path, place in found
    ]
    owners: dict[str, Path] = {}
    for (path, _), place in zip(found, places, strict=True):
        other = owners.setdefault(str(place).casefold(), path)
        if other != path:
            raise ValueError(
                f"{other} and {path}: the results of both would be called {place}; give the "
                "folder above them (or a pattern in quotes) instead, which keeps sub-folders "
                "apart, or do them one after the other with different output folders"
            )
    return places
