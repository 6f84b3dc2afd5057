"""Fetch weight files of others, and say whether files are still what they were."""

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from deeplab import whole_files
from deeplab.cache import fetched_dir, imported_dir
from deeplab.download import PAUSES_S, Checksum, Tell, fetch, hash_file
from deeplab.registry import ELSEWHERE, ForeignWeights, find_elsewhere
from deeplab.runs.weight_files import fetched_path, find_file
from deeplab.weights import INTEGER_SUFFIX, PUBLISHED, published_path


@dataclass(frozen=True)
class Verdict:
    """Whether a file is what it should be.

    Attributes:
        path: The file.
        status: Right; damaged; or unknown, where there is nothing to compare it with.
        found: Its SHA-256.
        expected: What it should be, or begin with; None: nobody knows.
        basis: Who says so.
    """

    path: Path
    status: Literal["right", "damaged", "unknown"]
    found: str
    expected: str | None
    basis: str


def fetch_weights(
    name: str,
    *,
    folder: Path | None = None,
    tell: Tell = lambda done, total: None,
    pauses_s: Sequence[float] = PAUSES_S,
) -> Verdict:
    """Fetch a weight file of others, or go on with it; what is there already is only checked.

    Args:
        name: Of a record in `registry.ELSEWHERE`.
        folder: Where it goes; None: into this user's cache.
        tell: Told how many megabytes of how many have arrived.
        pauses_s: Waits before further attempts; see `download.fetch`.

    Returns:
        The file, and whether its hash is the published one.

    Raises:
        ValueError: No such record, one that only a browser gets, a damaged file that is there, or
            see `download.fetch`.
    """
    if name in PUBLISHED:
        raise ValueError(f"{name} came with deeplab and needs no fetching: {find_file(name)}")
    record = find_elsewhere(name)
    path = fetched_path(record) if folder is None else folder / record.file_name
    if not path.is_file():
        _fetch(record, path, tell=tell, pauses_s=pauses_s)
        remember_hash(path)
    verdict = _judge(path, record.sha256, "its publisher")
    if verdict.status == "damaged":
        raise ValueError(
            f"{path} is there and damaged (SHA-256 {verdict.found[:12]}..., "
            f"{verdict.basis}: {verdict.expected}): delete it and fetch it again"
        )
    return verdict


def verify(name_or_file: str | None = None) -> list[Verdict]:
    """Compare files with their hashes.

    Args:
        name_or_file: A name, or a file; None: all that is here.

    Raises:
        ValueError: It is not here.
    """
    if name_or_file is None:
        return [_judge(*one) for one in _all_here()]
    if name_or_file in PUBLISHED:
        return [_judge(*one) for one in _of_ours(name_or_file)]
    path = Path(name_or_file)
    if path.is_file():
        return [_judge(path, *_expected_of_file(path))]
    found = find_file(name_or_file)
    if found.parent == imported_dir():
        files = [found.with_suffix(suffix) for suffix in (".onnx", ".safetensors")]
        return [_judge(file, None, "") for file in files if file.is_file()]
    return [_judge(found, ELSEWHERE[name_or_file].sha256, "its publisher")]


def say_published(name: str) -> str:
    """Say what its publisher says of the hash of a file of others."""
    sha256 = find_elsewhere(name).sha256
    if sha256 is None:
        return "nobody published a hash to compare it with"
    return f"it begins as its publisher says ({sha256})"


def remembered_path(path: Path) -> Path:
    """Say where the hash of a file is kept, in the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def remember_hash(path: Path) -> Path:
    """Keep the hash of a file beside it, for `verify`."""
    line = f"{hash_file(path)}  {path.name}\n"
    kept = remembered_path(path)
    whole_files.write_atomically(kept, lambda file: file.write(line.encode()))
    return kept


def _fetch(record: ForeignWeights, path: Path, *, tell: Tell, pauses_s: Sequence[float]) -> None:
    if not record.urls:
        raise ValueError(
            f"{record.name} cannot be fetched without a browser: get {record.file_name} from "
            f"{record.page}, then `deeplab weights import {record.file_name} --name {record.name}`"
        )
    checksum = Checksum("sha256", record.sha256) if record.sha256 else None
    if not record.member:
        fetch(record.urls, path, checksum=checksum, tell=tell, pauses_s=pauses_s)
        return
    is_cached = path == fetched_path(record)
    folder = fetched_dir() / "archives" if is_cached else path.parent
    archive_path = folder / "-".join(record.urls[0].split("/")[-2:])
    if not archive_path.is_file():
        fetch(record.urls, archive_path, tell=tell, pauses_s=pauses_s)
    _take_out(archive_path, record.member, path)


def _take_out(archive_path: Path, member: str, path: Path) -> None:
    """Write one file of an archive; the archive stays, others come out of it too."""
    try:
        with zipfile.ZipFile(archive_path) as archive:
            inside = [one for one in archive.infolist() if Path(one.filename).name == member]
            if not inside:
                held = ", ".join(archive.namelist()[:10])
                raise ValueError(f"{archive_path}: holds no {member}, but {held}")
            if inside[0].file_size > shutil.disk_usage(archive_path.parent).free:
                raise ValueError(f"{path.parent}: no room for {inside[0].file_size / 1e6:.0f} MB")
            path.parent.mkdir(parents=True, exist_ok=True)

            def copy(file: BinaryIO) -> None:
                with archive.open(inside[0]) as content:
                    shutil.copyfileobj(content, file, 1 << 20)

            whole_files.write_atomically(path, copy)  # zipfile checks the CRC at the end
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{archive_path}: not an archive, or a damaged one ({error}); delete it and fetch again"
        ) from error


def _judge(path: Path, expected: str | None, basis: str) -> Verdict:
    found = hash_file(path)
    if expected is None or (len(expected) < 64 and found.startswith(expected)):
        remembered = _remembered(path)
        if remembered is not None:
            expected, basis = remembered, "what it was when it came here"
    if expected is None:
        return Verdict(path, "unknown", found, None, "")
    status: Literal["right", "damaged"] = "right" if found.startswith(expected) else "damaged"
    return Verdict(path, status, found, expected, basis)


def _remembered(path: Path) -> str | None:
    kept = remembered_path(path)
    words = kept.read_text(errors="replace").split() if kept.is_file() else []
    return words[0] if words else None


def _expected_of_file(path: Path) -> tuple[str | None, str]:
    """Say what a file should be: by its name, where a record has the same."""
    for record in ELSEWHERE.values():
        if record.file_name == path.name and record.sha256:
            return record.sha256, f"the publisher of {record.name}"
    return None, ""


def _all_here() -> Iterator[tuple[Path, str | None, str]]:
    for name in PUBLISHED:
        yield from _of_ours(name)
    for path in sorted(imported_dir().glob("*")):
        if path.suffix in (".onnx", ".safetensors"):
            yield path, None, ""
    for record in ELSEWHERE.values():
        if fetched_path(record).is_file():
            yield fetched_path(record), record.sha256, "its publisher"


def _of_ours(name: str) -> Iterator[tuple[Path, str | None, str]]:
    record = PUBLISHED[name]
    yield published_path(record.network_file), record.network_sha256, "deeplab"
    yield published_path(record.checkpoint_file), record.checkpoint_sha256, "deeplab"
    if record.integer_sha256:
        path = published_path(record.network_file).with_suffix(INTEGER_SUFFIX)
        yield path, record.integer_sha256, "deeplab"
