"""labelme: one JSON file beside each picture, with shapes in the order in which they were drawn.

Shapes become label maps as in labelme's own `shapes_to_label` (labelme 6.3): drawn by Pillow, lines
10 pixels wide, points discs of radius 5, later shapes over earlier ones.
"""

import base64
import binascii
import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from deeplab.data import json_files as check
from deeplab.data import regions
from deeplab.data.annotated import WHOLE, AnnotatedPicture, Annotations, ReadOptions, count
from deeplab.data.regions import Paint, Region

_LINE_WIDTH = 10
_POINT_RADIUS = 5
_LISTS_OF_CLASSES = ("labels.txt", "class_names.txt")
_SPLITS = {"train", "val", "valid", "validation", "test"}
_CORNERS = {
    "polygon": (3, 100_000),
    "rectangle": (2, 2),
    "oriented_rectangle": (4, 4),
    "circle": (2, 2),
    "line": (2, 2),
    "linestrip": (2, 100_000),
    "point": (1, 1),
    "points": (1, 100_000),
    "mask": (2, 2),
}
"""How many points shapes have, at least and at most."""


def recognises(content: object) -> bool:
    """Tell whether parsed JSON is a file of labelme."""
    return isinstance(content, dict) and "shapes" in content and "imagePath" in content


def read(paths: Sequence[Path], root: Path, options: ReadOptions) -> Annotations:
    """Read JSON files of labelme.

    Args:
        paths: The files.
        root: The folder that was given; `labels.txt` or `class_names.txt` there gives the order of
            the classes.
        options: See there.

    Raises:
        ValueError: A file is not labelme's, or something in it is missing or wrong.
    """
    seen: Counter[str] = Counter()
    pictures = [_picture(path, root, options, seen) for path in paths]
    listed = _listed_classes(root)
    class_names = (*listed, *sorted(set(seen) - set(listed)))
    return Annotations(class_names, tuple(pictures))


def _picture(path: Path, root: Path, options: ReadOptions, seen: Counter[str]) -> AnnotatedPicture:
    content = check.read_json(path)
    shapes = check.sequence(check.field(content, "shapes", f"{path}: not labelme"), f"{path}")
    found = []
    for position, shape in enumerate(shapes):
        where = f"{path}: shape {position}"
        name = check.text(check.field(shape, "label", where), f"{where}: label")
        seen[name] += 1
        found.append(Region(name, _paint(shape, where, options)))
    name = check.text(check.field(content, "imagePath", f"{path}"), f"{path}: imagePath")
    height, width = content.get("imageHeight"), content.get("imageWidth")
    size = None if height is None or width is None else check.size(height, width, f"{path}")
    data = content.get("imageData")
    folder = path.relative_to(root).parts[0] if path.is_relative_to(root) else ""
    return AnnotatedPicture(
        name,
        path,
        tuple(found),
        size,
        folder if folder in _SPLITS else WHOLE,
        None if not data else partial(_embedded, path),
    )


def _embedded(path: Path) -> bytes:
    """Read the picture once more: all of them at a time would need much memory."""
    data = check.text(check.read_json(path)["imageData"], f"{path}: imageData")
    return _decode(data, f"{path}: imageData")


def _listed_classes(root: Path) -> tuple[str, ...]:
    for name in _LISTS_OF_CLASSES:
        if (root / name).is_file():
            lines = (root / name).read_text(encoding="utf-8-sig").splitlines()
            return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    return ()


def _paint(shape: Mapping[str, Any], where: str, options: ReadOptions) -> Paint:
    kind = shape.get("shape_type") or "polygon"
    if kind not in _CORNERS:
        raise ValueError(f"{where}: a {kind!r}; known are {', '.join(_CORNERS)}")
    corners = check.points(check.field(shape, "points", where), f"{where}: points")
    least, most = _CORNERS[kind]
    if not least <= len(corners) <= most:
        many = f"at least {least}" if most > least else str(least)
        raise ValueError(f"{where}: a {kind} of {count(len(corners), 'point')}; it has {many}")
    if kind == "mask":
        return _mask(check.field(shape, "mask", where), corners, where)
    width = options.line_width or _LINE_WIDTH
    return regions.drawn(partial(_draw, kind, corners, width), _reach(kind, corners), where)


def _draw(
    kind: str, corners: NDArray[np.float64], line_width: int, draw: ImageDraw.ImageDraw
) -> None:
    points = [(float(x), float(y)) for x, y in corners]
    if kind in ("line", "linestrip"):
        draw.line(points, fill=1, width=line_width)
    elif kind in ("polygon", "oriented_rectangle"):
        draw.polygon(points, outline=1, fill=1)
    elif kind == "rectangle":
        low, high = corners.min(axis=0), corners.max(axis=0)
        draw.rectangle((*low.tolist(), *high.tolist()), outline=1, fill=1)
    elif kind == "circle":
        _disc(draw, points[0], math.dist(*points))
    else:
        for point in points:
            _disc(draw, point, _POINT_RADIUS)


def _disc(draw: ImageDraw.ImageDraw, centre: tuple[float, float], radius: float) -> None:
    x, y = centre
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=1, fill=1)


def _reach(kind: str, corners: NDArray[np.float64]) -> NDArray[np.float64]:
    if kind != "circle":
        return corners
    radius = math.dist(*corners.tolist())
    return np.concatenate([corners, corners[:1] - radius, corners[:1] + radius])


def _mask(value: object, corners: NDArray[np.float64], where: str) -> Paint:
    """Lay a small picture, base64 of a PNG, on the box of the first and the last pixel."""
    (left, top), (right, bottom) = corners.astype(int).tolist()
    content = _decode(check.text(value, f"{where}: mask"), f"{where}: mask")
    expected = (bottom - top + 1, right - left + 1)

    def read() -> NDArray[np.bool_]:
        try:
            with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
                if image.size[::-1] != expected:
                    raise ValueError(
                        f"{where}: a mask of {image.size[0]}x{image.size[1]} in a box of "
                        f"{expected[1]}x{expected[0]}"
                    )
                return np.asarray(image.convert("L")) > 0
        except (OSError, SyntaxError, Image.DecompressionBombError) as error:
            raise ValueError(f"{where}: the mask is not a PNG ({error})") from error

    return regions.patch(read, top=top, left=left, where=where)


def _decode(data: str, where: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError(f"{where}: not base64 ({error})") from error
