"""Fetching a file: what has arrived is kept, goes on there, and counts only when it is checked.

While it arrives a file is called `NAME.part`, and `NAME.part.from` says where it comes from and in
which version, so that a file that was changed in between is fetched anew and not stitched together.
"""

import errno
import hashlib
import http
import json
import os
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import Literal

Tell = Callable[[int, int], None]
"""Told how many megabytes of how many have arrived."""

PAUSES_S = (1.0, 4.0, 15.0)
"""Seconds to wait before each further attempt."""

_CHUNK = 1 << 20
_MEGABYTE = 1_000_000
_PATIENCE_S = 60
_PASSING = (408, 425, 429, 500, 502, 503, 504)  # answers of a server that may be well again soon
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Checksum:
    """What the content of a file must add up to.

    Attributes:
        algorithm: Of which kind it is.
        digest: Hexadecimal, lower case; the beginning of it is enough.
    """

    algorithm: Literal["md5", "sha256"]
    digest: str

    def fits(self, path: Path) -> bool:
        """Tell whether a file has this checksum."""
        return hash_file(path, self.algorithm).startswith(self.digest)


def hash_file(path: Path, algorithm: Literal["md5", "sha256"] = "sha256") -> str:
    """Add up a file: the whole digest, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def fetch(
    urls: Sequence[str],
    path: Path,
    *,
    checksum: Checksum | None = None,
    tell: Tell = lambda done, total: None,
    pauses_s: Sequence[float] = PAUSES_S,
) -> None:
    """Fetch a file from the first address that has it; an interrupted download goes on.

    Args:
        urls: Where it is, at least one; all give the same content.
        path: Where it goes; it is there only when it is whole and has the checksum.
        checksum: What it must have; None: nobody knows.
        tell: See `Tell`.
        pauses_s: Waits before further attempts, where one failed that may succeed later.

    Raises:
        ValueError: No address has it, what arrived is a web page or has another checksum, there is
            no network, or no room on the disk. What has arrived stays for the next call, unless
            it is known to be wrong.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _Part(path)
    reasons = []
    for url in urls:
        try:
            _fetch_whole(url, part, checksum, tell, pauses_s)
        except _NotFetched as error:
            reasons.append(f"{url} cannot be fetched ({error})")
            continue
        part.finish()
        return
    raise ValueError(
        f"{'; '.join(reasons)}; the same command goes on where it stopped, or put the file into "
        f"{path.parent} yourself"
    )


class _NotFetched(Exception):
    """An address that does not give the file; the message says why."""


class _Part:
    """What has arrived of a file."""

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(f"{path.name}.part")
        self._about_path = path.with_name(f"{path.name}.part.from")
        self._whole_path = path

    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def version(self, url: str) -> str | None:
        """Say which version of the address' file it is of, where that is known."""
        try:
            about = json.loads(self._about_path.read_text())
            return str(about["version"]) if about["url"] == url and about["version"] else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def begin(self, url: str, response: HTTPResponse) -> None:
        """Note what comes now, from its first byte on."""
        etag = response.headers.get("ETag")
        if etag is None or etag.startswith("W/"):  # weak ones do not promise the same bytes
            etag = response.headers.get("Last-Modified")
        self._about_path.write_text(json.dumps({"url": url, "version": etag}))

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)
        self._about_path.unlink(missing_ok=True)

    def finish(self) -> None:
        os.replace(self.path, self._whole_path)
        self._about_path.unlink(missing_ok=True)


def _fetch_whole(
    url: str, part: _Part, checksum: Checksum | None, tell: Tell, pauses_s: Sequence[float]
) -> None:
    pauses = iter(pauses_s)
    while reason := _attempt(url, part, checksum, tell):
        pause = next(pauses, None)
        if pause is None:
            raise _NotFetched(reason)
        time.sleep(pause)
    if checksum is not None and not checksum.fits(part.path):
        part.remove()
        raise _NotFetched(
            f"what arrived has another checksum than {checksum.digest} and was removed"
        )


def _attempt(url: str, part: _Part, checksum: Checksum | None, tell: Tell) -> str:
    """Go on with a file once; say why it is not whole though another attempt may help."""
    try:
        _append(url, part, is_checked=checksum is not None, tell=tell)
    except urllib.error.HTTPError as error:
        with error:
            reason = f"the server answers {error.code} {_reason_phrase(error.code)}"
            if error.code not in _PASSING:
                raise _NotFetched(reason) from error
            return reason
    except (OSError, HTTPException) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        if isinstance(cause, OSError) and cause.errno in _DISK_IS_FULL:
            raise ValueError(
                f"{part.path.parent}: the disk is full; make room, then go on"
            ) from error
        if isinstance(cause, OSError) and cause.filename is not None:
            raise  # not the network: the part cannot be written
        if isinstance(cause, ssl.SSLCertVerificationError):
            raise _NotFetched(f"the server cannot prove who it is: {cause}") from error
        if isinstance(cause, socket.gaierror):
            return "no such host is found: is there a network?"
        return str(cause) or type(cause).__name__
    return ""


def _reason_phrase(code: int) -> str:
    try:
        return http.HTTPStatus(code).phrase
    except ValueError:
        return ""


def _append(url: str, part: _Part, *, is_checked: bool, tell: Tell) -> None:
    """Fetch the rest of a file, behind what is there; all of it if the server cannot skip."""
    have, version = part.size(), part.version(url)
    if have and version is None and not is_checked:
        have = 0  # nothing would tell if the two halves were of different files
    headers = {"User-Agent": "deeplab", "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-"} | ({"If-Range": version} if version else {})
    try:
        response = urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_PATIENCE_S
        )
    except urllib.error.HTTPError as error:
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not have:
            raise
        with error:
            _check_is_all(part, error.headers.get("Content-Range"), is_checked=is_checked)
        return
    with response:
        _check_answer(url, response)
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            have = 0
        elif not (response.headers.get("Content-Range") or f"bytes {have}-").startswith(
            f"bytes {have}-"
        ):
            part.remove()
            raise OSError("the server went on at another place")
        _receive(response, url, part, have, tell)


def _check_is_all(part: _Part, content_range: str | None, *, is_checked: bool) -> None:
    """Make sure that a file which the server has no more of is all there."""
    total = (content_range or "").rpartition("/")[2]
    if total == str(part.size()) or (is_checked and not total.isdigit()):
        return
    part.remove()
    raise OSError("what was there is no part of this file")


def _check_answer(url: str, response: HTTPResponse) -> None:
    """Refuse a page for people: of a network that wants a login, or of a site that asks first."""
    kind = response.headers.get("Content-Type") or ""
    if kind.partition(";")[0].strip().lower() in ("text/html", "application/xhtml+xml"):
        raise _NotFetched(
            "a web page came in the place of the file: log in to the network, or get the file with "
            f"a browser from {response.url}"
        )
    if url.startswith("https:") and not (response.url or url).startswith("https:"):
        raise _NotFetched(f"it leads to an address that is not encrypted, {response.url}")


def _receive(response: HTTPResponse, url: str, part: _Part, have: int, tell: Tell) -> None:
    length = response.headers.get("Content-Length")
    total = have + int(length) if length and length.isdigit() else 0
    free = shutil.disk_usage(part.path.parent).free
    if total - have > free:
        raise ValueError(
            f"{part.path.parent}: {(total - have) / 1e6:.0f} MB are to come, "
            f"{free / 1e6:.0f} MB are free; make room, then go on"
        )
    if not have:
        part.begin(url, response)
    with part.path.open("ab" if have else "wb") as file:
        while chunk := response.read(_CHUNK):
            if not have and chunk.lstrip()[:14].lower().startswith((b"<!doctype html", b"<html")):
                raise _NotFetched("a web page came in the place of the file")
            file.write(chunk)
            have += len(chunk)
            tell(have // _MEGABYTE, max(have, total) // _MEGABYTE)
    if have < total:
        raise OSError(f"the connection ended after {have} of {total} bytes")
