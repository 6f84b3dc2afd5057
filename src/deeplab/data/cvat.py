"""CVAT for images and for video, version 1.1: one XML file.

Shapes become label maps as in CVAT's own segmentation masks: filled by pycocotools, in the order of
`z_order`, then of the file, but for turned boxes: CVAT makes polygons of them, with two decimals,
which come after all else of their `z_order`. Points, skeletons and tags cover nothing; lines do if
a width is given.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from deeplab.data import json_files as check
from deeplab.data import regions
from deeplab.data.annotated import WHOLE, AnnotatedPicture, Annotations, ReadOptions, count
from deeplab.data.regions import Paint, Region
from deeplab.data.run_lengths import runs_to_mask

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_SHAPES = ("polygon", "box", "mask", "ellipse", "polyline")
_WITHOUT_AREA = ("points", "skeleton", "cuboid")
_NO_CLASSES = ("tag", "points", "skeleton")
_LEAST_CORNERS = 3
_MOST_DEGREES = 1e4
_DECIMALS = 2

_Found = list[tuple[tuple[int, bool], Region]]  # z order and whether it is a turned box; region


def parse_xml(path: Path) -> "Element":
    """Parse an XML file of others.

    Raises:
        ValueError: Not XML, or with entities, which could make little text very long.
    """
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, parse

    try:
        root: Element | None = parse(path, forbid_dtd=True).getroot()
    except DefusedXmlException as error:
        raise ValueError(f"{path}: refused, for it defines types or entities ({error})") from None
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError(f"{path}: not XML, or cut short ({error})") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    if root is None:
        raise ValueError(f"{path}: not XML: there is nothing in it")
    return root


def recognises(root: "Element") -> bool:
    """Tell whether parsed XML is an export of CVAT."""
    return root.tag == "annotations" and any(
        child.tag in ("meta", "image", "track") for child in root
    )


def read(paths: Sequence[Path], root: Path, options: ReadOptions) -> Annotations:
    """Read exports of CVAT.

    Args:
        paths: The files.
        root: The folder that was given.
        options: How wide lines are.

    Raises:
        ValueError: A file is not CVAT's, or something in it is missing or wrong.
    """
    readers = [_Reader(path, options) for path in paths]
    pictures = [picture for reader in readers for picture in reader.pictures()]
    if len({picture.split for picture in pictures}) == 1:
        pictures = [
            AnnotatedPicture(one.file_name, one.source, one.regions, one.size) for one in pictures
        ]
    listed = [name for reader in readers for name in reader.class_names()]
    seen = [one.class_name for picture in pictures for one in picture.regions if one.class_name]
    left_out = sum((reader.left_out for reader in readers), Counter[str]())
    notes = [f"{count(number, what)} left out" for what, number in sorted(left_out.items())]
    if left_out["polyline"]:
        notes.append("lines are drawn with --line-width PIXELS")
    return Annotations(tuple(dict.fromkeys([*listed, *seen])), tuple(pictures), tuple(notes))


class _Reader:
    """Reads one file and counts what has to be left out."""

    def __init__(self, path: Path, options: ReadOptions) -> None:
        self._path = path
        self._root = parse_xml(path)
        self._options = options
        self.left_out: Counter[str] = Counter()
        if not recognises(self._root):
            raise ValueError(f"{path}: not an export of CVAT for images 1.1 (<{self._root.tag}>)")

    def class_names(self) -> Iterator[str]:
        """List the labels that shapes with an area can have."""
        for label in self._root.iterfind("./meta//labels/label"):
            kind = label.findtext("type") or "any"
            is_line = kind == "polyline" and not self._options.line_width
            if kind not in _NO_CLASSES and label.find("parent") is None and not is_line:
                yield check.text(label.findtext("name"), f"{self._path}: label")

    def pictures(self) -> Iterator[AnnotatedPicture]:
        """Read all images, then the frames of all tracks."""
        for image in self._root.iterfind("image"):
            where = f"{self._path}: image {image.get('name')}"
            found: _Found = []
            for shape in image:
                self._add(shape, shape.get("label", ""), where, found)
            size = check.size(image.get("height"), image.get("width"), where)
            name = check.text(image.get("name"), f"{where}: name")
            yield self._picture(name, found, size, image.get("subset") or WHOLE)
        yield from self._frames()

    def _frames(self) -> Iterator[AnnotatedPicture]:
        frames: dict[int, _Found] = {}
        for track in self._root.iterfind("track"):
            for shape in track:
                where = f"{self._path}: track {track.get('id')}, frame {shape.get('frame')}"
                if shape.tag == "track":  # a joint of a skeleton
                    continue
                frame = check.whole(shape.get("frame"), where, least=0)
                found = frames.setdefault(frame, [])
                if shape.get("outside") != "1":
                    self._add(shape, track.get("label", ""), where, found)
        size = self._root.find("./meta//original_size")
        for frame, found in sorted(frames.items()):
            where = f"{self._path}: original_size"
            height_width = (
                None
                if size is None
                else check.size(size.findtext("height"), size.findtext("width"), where)
            )
            yield self._picture(f"frame_{frame:06}", found, height_width, WHOLE)

    def _picture(
        self, name: str, found: _Found, size: tuple[int, int] | None, split: str
    ) -> AnnotatedPicture:
        ordered = sorted(found, key=lambda one: one[0])
        return AnnotatedPicture(
            name, self._path, tuple(region for _, region in ordered), size, split
        )

    def _add(self, shape: "Element", label: str, where: str, found: _Found) -> None:
        if shape.tag in _WITHOUT_AREA or (shape.tag == "polyline" and not self._options.line_width):
            self.left_out[shape.tag] += 1
        elif shape.tag in _SHAPES and not label.strip():
            self.left_out["shape without a label"] += 1
        elif shape.tag in _SHAPES:
            where = f"{where}: {shape.tag}"
            z_order = check.whole(shape.get("z_order", 0), where, least=-1_000_000)
            paint = _paint(shape, where, self._options.line_width or 1)
            found.append(((z_order, _is_turned_box(shape, where)), Region(label, paint)))


def _paint(shape: "Element", where: str, line_width: int) -> Paint:
    if shape.tag == "mask":
        return _mask(shape, where)
    if shape.tag == "polyline":
        line = _points(shape, where, least=2)
        flat = [(float(x), float(y)) for x, y in line]
        return regions.drawn(
            lambda draw: draw.line(flat, fill=1, width=line_width, joint="curve"), line, where
        )
    if shape.tag == "polygon":
        return regions.polygons([_points(shape, where, least=_LEAST_CORNERS)], where)
    if shape.tag == "box":
        left, top, right, bottom = _numbers(shape, ("xtl", "ytl", "xbr", "ybr"), where)
        centre = ((left + right) / 2, (top + bottom) / 2)
        corners = regions.box_corners(left, top, right, bottom)
    else:
        x, y, radius_x, radius_y = _numbers(shape, ("cx", "cy", "rx", "ry"), where)
        centre = (x, y)
        corners = regions.ellipse_corners(centre, radius_x, radius_y)
    turned = regions.rotate(corners, centre, _degrees(shape, where))
    return regions.polygons([turned.round(_DECIMALS)], where)


def _degrees(shape: "Element", where: str) -> float:
    return check.number(
        shape.get("rotation", 0), f"{where}: rotation", least=-_MOST_DEGREES, most=_MOST_DEGREES
    )


def _is_turned_box(shape: "Element", where: str) -> bool:
    return shape.tag == "box" and _degrees(shape, where) != 0


def _mask(shape: "Element", where: str) -> Paint:
    """Lay a mask of run lengths, row by row of its box, on the picture."""
    left, top = (check.whole(shape.get(key), f"{where}: {key}", least=0) for key in ("left", "top"))
    rows, columns = check.size(shape.get("height"), shape.get("width"), where)
    counts = _whole_numbers(check.text(shape.get("rle"), f"{where}: rle"), f"{where}: rle")
    read = partial(_unpack, counts, rows, columns, where)
    return regions.patch(read, top=top, left=left, where=where)


def _unpack(counts: NDArray[np.int64], rows: int, columns: int, where: str) -> NDArray[np.bool_]:
    return runs_to_mask(counts, rows * columns, where).reshape(rows, columns)


def _whole_numbers(text: str, where: str) -> NDArray[np.int64]:
    parts = text.split(",")
    try:
        return check.whole_numbers([int(part) for part in parts], where)
    except ValueError:  # told by the part that is wrong
        return check.whole_numbers(parts, where)


def _points(shape: "Element", where: str, *, least: int) -> NDArray[np.float64]:
    text = check.text(shape.get("points"), f"{where}: points")
    pairs = [re.split(r"\s*,\s*", pair) for pair in text.split(";") if pair.strip()]
    corners = check.points(pairs, f"{where}: points")
    if len(corners) < least:
        raise ValueError(f"{where}: {count(len(corners), 'point')}; it has at least {least}")
    return corners


def _numbers(shape: "Element", keys: Sequence[str], where: str) -> list[float]:
    return [check.number(shape.get(key), f"{where}: {key}") for key in keys]
