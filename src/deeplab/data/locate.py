"""Finding the pictures that annotation files speak of.

Tools write names, paths of another machine, paths with backslashes, or addresses. A picture is
looked for where the name says, and by its base name; never outside the folders that were given.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from deeplab import imaging
from deeplab.data.annotated import WHOLE, AnnotatedPicture
from deeplab.data.find import list_folders

_UPLOAD = re.compile(r"[0-9a-f]{8}-(?=.)")  # Label Studio puts it before the names of uploads


class PictureFinder:
    """Knows the picture files below some folders."""

    def __init__(self, roots: Sequence[Path], *, leave_out: Path) -> None:
        """List the files; none is opened.

        Args:
            roots: Folders to look in; those first count first.
            leave_out: A folder to leave out: where the converted set goes.
        """
        suffixes = imaging.picture_suffixes()
        self._roots = tuple(roots)
        self._by_name: dict[str, list[Path]] = {}
        for root in roots:
            for folder in list_folders(root, leave_out=leave_out):
                for name in folder.file_names:
                    if Path(name).suffix.lower() in suffixes:
                        self._add(name, folder.path / name)

    def _add(self, name: str, path: Path) -> None:
        for key in {name, Path(name).stem}:
            paths = self._by_name.setdefault(key, [])
            if path.resolve() not in [known.resolve() for known in paths]:
                paths.append(path)

    def find(self, picture: AnnotatedPicture) -> Path | None:
        """Find the file of a picture; None if there is none.

        Raises:
            ValueError: Several could be it, or the name leads out of the folders.
        """
        parts = _parts(picture.file_name)
        found = self._named(parts[-1])
        if not found:
            if ".." in parts and _leads_out(picture.source.parent.joinpath(*parts), self._roots):
                raise ValueError(
                    f"{picture.source}: the picture {picture.file_name!r} leads out of the folder; "
                    "give the folder of the pictures with --images"
                )
            return None
        return self._choose(found, parts, picture)

    def _named(self, name: str) -> list[Path]:
        """Find files of a name: as it is, or without what uploads get before it."""
        plain = _UPLOAD.sub("", name, count=1)
        has_suffix = Path(name).suffix.lower() in imaging.picture_suffixes()
        for key in (name, plain) if has_suffix else (name,):
            if key in self._by_name:
                return self._by_name[key]
        return []

    def _choose(self, found: list[Path], parts: Sequence[str], picture: AnnotatedPicture) -> Path:
        """Of several files of one name take the one whose folders fit best."""
        if len(found) == 1:
            return found[0]
        wanted = [part for part in parts[:-1] if part not in (".", "..")]
        if picture.split != WHOLE:
            wanted = [*wanted, picture.split] if picture.split not in wanted else wanted
        beside = picture.source.parent

        def fit(path: Path) -> tuple[int, bool]:
            folders = path.parent.parts
            common = 0
            for part, folder in zip(reversed(wanted), reversed(folders), strict=False):
                if part.lower() != folder.lower():
                    break
                common += 1
            return common, path.parent == beside

        best = max(map(fit, found))
        chosen = [path for path in found if fit(path) == best]
        if len(chosen) > 1:
            raise ValueError(
                f"{picture.source}: the picture {picture.file_name!r} may be "
                f"{' or '.join(map(str, chosen[:3]))}; rename one, or give its folder with --images"
            )
        return chosen[0]


def _parts(file_name: str) -> list[str]:
    """Split what a tool calls a picture into folders and a name.

    Raises:
        ValueError: There is no name in it.
    """
    text = file_name
    if "://" in text or text.startswith("/data/"):
        address = urlsplit(text)
        local = parse_qs(address.query).get("d", [""])[0]  # /data/local-files/?d=folder/a.jpg
        text = local or unquote(address.path)
    parts = [part for part in re.split(r"[/\\]+", text) if part]
    if not parts or parts[-1] in (".", "..") or "\0" in text:
        raise ValueError(f"{file_name!r} is not the name of a picture")
    return parts


def _leads_out(path: Path, roots: Sequence[Path]) -> bool:
    resolved = path.resolve()
    return not any(resolved.is_relative_to(root.resolve()) for root in roots)
