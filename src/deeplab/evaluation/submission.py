"""Files for a test server, read again and checked before anybody relies on them.

A submission is a folder or an archive (`.tgz`, `.tar`, `.zip`) that holds one label map for each
picture of a split; what is wanted of it, the `Server` says.
"""

import gzip
import io
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
from PIL import Image

from deeplab.data import Sample
from deeplab.evaluation.servers import Server

_MOST_SHOWN = 5


def check_submission(path: Path, server: Server, samples: Sequence[Sample]) -> None:
    """Read a submission and refuse what its server would refuse or score wrongly.

    One file is in memory at a time.

    Args:
        path: A folder (its PNGs count, at any depth) or an archive (all its files count).
        server: Whom it is for.
        samples: The pictures that it has to have label maps of.

    Raises:
        ValueError: Not such a folder or archive, or files in it are wrong, missing or too many;
            the message names the first of them and why.
    """
    problems = list(_problems(path, server, samples))
    if problems:
        more = "; ..." if len(problems) > _MOST_SHOWN else ""
        raise ValueError(
            f"{path} cannot be submitted, {len(problems)} of its files are wrong or missing: "
            f"{'; '.join(problems[:_MOST_SHOWN])}{more}"
        )


def write_archive(path: Path, folder: Path, server: Server, samples: Sequence[Sample]) -> None:
    """Pack label maps into an archive, and check it before it gets its name.

    Args:
        path: The archive, `.tgz`; there only if it is right.
        folder: Holds the label maps at the places that the server wants.
        server: Whom it is for.
        samples: The pictures.

    Raises:
        ValueError: Something is wrong with the files; see `check_submission`.
    """
    path.unlink(missing_ok=True)
    temporary_path = path.with_name(f".unchecked-{path.name}")
    try:
        with temporary_path.open("wb") as file:
            _pack(file, [(folder, server.place(sample)) for sample in samples])
        check_submission(temporary_path, server, samples)
        temporary_path.replace(path)
    finally:
        temporary_path.unlink(missing_ok=True)


def _problems(path: Path, server: Server, samples: Sequence[Sample]) -> Iterator[str]:
    wanted = {server.picture_of(server.place(sample)): sample for sample in samples}
    seen: Counter[str] = Counter()
    for place, content in _files(path):
        picture = server.picture_of(place)
        if picture is None or picture not in wanted:
            example = server.place(samples[0])
            yield f"{place}: belongs to no picture of this split (a right one is {example})"
            continue
        seen[picture] += 1
        if seen[picture] == 2:
            yield f"{place}: there is another file for this picture"
        try:
            _check_file(content, server, wanted[picture].read_picture_size())
        except ValueError as error:
            yield f"{place}: {error}"
    for picture, sample in wanted.items():
        if picture not in seen:
            yield f"{server.place(sample)}: missing"


def _check_file(content: bytes, server: Server, size: tuple[int, int]) -> None:
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            image_format, values = image.format, np.asarray(image)
            server_view = image.copy()
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"not a picture, or damaged ({error})") from error
    if image_format != "PNG":
        raise ValueError(f"a {image_format} file; a PNG is wanted")
    if values.shape[:2] != size:
        raise ValueError(
            f"{values.shape[1]}x{values.shape[0]} pixels, but its picture is {size[1]}x{size[0]}"
        )
    server.check_image(server_view, values)


def _files(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    """Give the files of a folder or archive, by their places below its root."""
    if path.is_dir():
        root = path.parent if path.name == "results" else path
        for file in sorted(path.rglob("*.png")):
            yield PurePosixPath(file.relative_to(root).as_posix()), file.read_bytes()
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as zipped:
            for entry in zipped.infolist():
                if not entry.is_dir():
                    yield PurePosixPath(entry.filename), zipped.read(entry)
    else:
        yield from _tar_files(path)


def _tar_files(path: Path) -> Iterator[tuple[PurePosixPath, bytes]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                opened = archive.extractfile(member)
                if opened is not None:
                    yield PurePosixPath(member.name), opened.read()
    except (OSError, EOFError, tarfile.TarError) as error:
        raise ValueError(
            f"{path}: neither a folder nor an archive (.tgz, .tar, .zip), or damaged ({error})"
        ) from error


def _pack(file: BinaryIO, places: Sequence[tuple[Path, PurePosixPath]]) -> None:
    """Pack files; the same files make the same archive, byte for byte."""
    with (
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for folder, place in places:
            content = (folder / place).read_bytes()
            member = tarfile.TarInfo(str(place))
            member.size = len(content)
            member.mode = 0o644
            archive.addfile(member, io.BytesIO(content))
