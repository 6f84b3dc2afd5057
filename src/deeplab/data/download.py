"""Fetching the archives of data sets that are free: resumed, checked, unpacked.

Checking and unpacking are torchvision's. Its downloader begins anew when it is interrupted, so the
bytes are fetched here: what has arrived stays in `ARCHIVE.part`, and the next call goes on there.
"""

import logging
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path

from torchvision.datasets.utils import check_integrity, extract_archive

from deeplab.data.prepare import Archive, find_set
from deeplab.data.prepared import Tell

_log = logging.getLogger(__name__)

_CHUNK = 1 << 20
_MEGABYTE = 1_000_000
_PATIENCE_S = 60


def fetch_set(name: str, folder: Path, *, tell: Tell) -> None:
    """Fetch and unpack the official archives of a data set.

    Args:
        name: One of `prepare.SETS`.
        folder: Where they go: what `prepare` reads from.
        tell: Told how many megabytes of how many have arrived, of each archive anew.

    Raises:
        ValueError: Unknown set, one that is not free to fetch, or see `fetch_all`.
    """
    known = find_set(name)
    if not known.archives:
        raise ValueError(
            f"{name} cannot be downloaded: it asks for an account, or its checksum is not known. "
            f"Get {known.sources} and give their folder with --from"
        )
    fetch_all(known.archives, folder, tell=tell)


def fetch_all(archives: Sequence[Archive], folder: Path, *, tell: Tell) -> None:
    """Fetch archives into a folder and unpack them there; what is there already is left alone.

    Args:
        archives: Each is unpacked once.
        folder: Made if it is not there.
        tell: Told how many megabytes of how many have arrived, of each archive anew.

    Raises:
        ValueError: An archive cannot be had, or has another checksum.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        path = folder / archive.file_name
        mark = folder / f".{archive.file_name}.unpacked"
        if mark.exists():
            continue
        if not (path.is_file() and check_integrity(path, archive.md5)):
            _fetch(archive, path, tell)
        _log.info("unpacking %s", path)
        extract_archive(path, folder)
        mark.touch()


def _fetch(archive: Archive, path: Path, tell: Tell) -> None:
    part_path = path.with_name(f"{path.name}.part")
    _log.info("fetching %s", archive.url)
    try:
        _append(archive.url, part_path, tell)
    except (OSError, HTTPException) as error:  # what has arrived stays
        raise ValueError(
            f"{archive.url} cannot be fetched ({error}); the same command goes on where it stopped,"
            f" or put the file into {path.parent} yourself"
        ) from error
    if not check_integrity(part_path, archive.md5):
        part_path.unlink()
        raise ValueError(
            f"{archive.url}: what arrived has another checksum than {archive.md5} and was removed; "
            f"run the same command again, or put the right file into {path.parent}"
        )
    os.replace(part_path, path)


def _append(url: str, path: Path, tell: Tell) -> None:
    """Fetch the rest of a file, behind what is there; all of it if the server cannot skip."""
    have = path.stat().st_size if path.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_PATIENCE_S)
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # all of it is there
            return
        raise
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            have = 0
        total = have + int(response.headers.get("Content-Length") or 0)
        with path.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                have += len(chunk)
                tell(have // _MEGABYTE, max(have, total) // _MEGABYTE)
    if have < total:
        raise OSError(f"the connection ended after {have} of {total} bytes")
