"""Files that hold no weights, however they are named, told by how they begin."""

import re

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (
        rb"version https://git-lfs",
        "is a pointer of Git LFS, not the file itself: fetch it with `git lfs pull`",
    ),
    (
        rb"\s*<(!doctype|html|\?xml|head)",
        "is a web page, not weights: the download gave a page that asks or explains something; "
        "open the address in a browser",
    ),
    (rb"\x1f\x8b|BZh|7z\xbc\xaf|Rar!|\xfd7zXZ", "is an archive: unpack it first"),
)


def what_else(start: bytes) -> str | None:
    """Say what a file is, and what to do, if its first bytes are not those of weights.

    Returns:
        Words to put behind the file's name; None: it may hold weights.
    """
    for pattern, what in _OTHERS:
        if re.match(pattern, start, re.IGNORECASE | re.DOTALL):
            return what
    return None
