"""Fetching the archives of data sets that are free: resumed, checked, unpacked.

Unpacking is torchvision's. Its downloader begins anew when it is interrupted, so the bytes are
fetched by ours: what has arrived stays in `ARCHIVE.part`, and the next call goes on there.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from torchvision.datasets.utils import extract_archive

from deeplab.data.prepare import Archive, find_set
from deeplab.download import PAUSES_S, Checksum, Tell, fetch

_log = logging.getLogger(__name__)


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


def fetch_all(
    archives: Sequence[Archive],
    folder: Path,
    *,
    tell: Tell,
    pauses_s: Sequence[float] = PAUSES_S,
) -> None:
    """Fetch archives into a folder and unpack them there; what is there already is left alone.

    Args:
        archives: Each is unpacked once.
        folder: Made if it is not there.
        tell: Told how many megabytes of how many have arrived, of each archive anew.
        pauses_s: Waits before further attempts; see `download.fetch`.

    Raises:
        ValueError: An archive cannot be had, or has another checksum.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for archive in archives:
        path = folder / archive.file_name
        mark = folder / f".{archive.file_name}.unpacked"
        if mark.exists():
            continue
        checksum = Checksum("md5", archive.md5)
        if not (path.is_file() and checksum.fits(path)):
            _log.info("fetching %s", archive.url)
            fetch([archive.url], path, checksum=checksum, tell=tell, pauses_s=pauses_s)
        _log.info("unpacking %s", path)
        extract_archive(path, folder)
        mark.touch()
