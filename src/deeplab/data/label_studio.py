"""Label Studio: exports as JSON and JSON-MIN, and its files of single tasks.

Geometry is in per cent of the picture. Polygons, rectangles and ellipses are filled by pycocotools,
brushes unpacked by `brush_runs`; regions are painted in the order in which they stand.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.data import json_files as check
from deeplab.data import regions
from deeplab.data.annotated import AnnotatedPicture, Annotations, ReadOptions, count
from deeplab.data.brush_runs import brush_mask
from deeplab.data.cvat import parse_xml
from deeplab.data.regions import Paint, Region
from deeplab.imaging import LabelMap, picture_suffixes

CONFIGURATION = "config.xml"
"""The labels that were set up, beside an export."""

_LABELS = ("polygonlabels", "rectanglelabels", "ellipselabels", "brushlabels", "labels")
_GEOMETRY = {"points", "rle", "radiusX", "width"}
_LIKELY_KEYS = ("image", "img", "picture", "photo")
_MOST_PER_CENT = 1e4
_MOST_DEGREES = 1e4
_LEAST_CORNERS = 3


def recognises(content: object) -> bool:
    """Tell whether parsed JSON is an export of Label Studio, or one of its tasks."""
    tasks = content if isinstance(content, list) else [content]
    first = tasks[0] if tasks else None
    if not isinstance(first, dict):
        return False
    return "data" in first or any(_is_picture(value) for value in first.values())


def read(paths: Sequence[Path], root: Path, options: ReadOptions) -> Annotations:
    """Read exports of Label Studio.

    Args:
        paths: The files.
        root: The folder that was given; the labels of `config.xml` there give the order of classes.
        options: Not used here.

    Raises:
        ValueError: A file is not Label Studio's, or something in it is missing or wrong.
    """
    left_out: Counter[str] = Counter()
    pictures = [picture for path in paths for picture in _read_file(path, left_out)]
    if not pictures:
        raise ValueError(f"{paths[0]}: no task in it has annotations")
    seen = {one.class_name for picture in pictures for one in picture.regions if one.class_name}
    listed = _configured(root)
    notes = [f"{count(number, what)} left out" for what, number in sorted(left_out.items())]
    class_names = (*listed, *sorted(seen - set(listed)))
    return Annotations(class_names, tuple(pictures), tuple(notes))


def _read_file(path: Path, left_out: Counter[str]) -> Iterator[AnnotatedPicture]:
    content = check.read_json(path)
    if not recognises(content):
        raise ValueError(f"{path}: not an export of Label Studio (JSON or JSON-MIN)")
    for position, task in enumerate(content if isinstance(content, list) else [content]):
        name = task.get("id", position) if isinstance(task, dict) else position
        where = f"{path}: task {name}"
        picture = _task(check.mapping(task, where), path, where, left_out)
        if picture is not None:
            yield picture


def _task(
    task: Mapping[str, Any], path: Path, where: str, left_out: Counter[str]
) -> AnnotatedPicture | None:
    if "data" in task:
        results = _results(task, where, left_out)
        if results is None:
            return None
        values = _joined(results, where)
        name = _picture_in(check.mapping(task["data"], f"{where}: data"), where)
    else:
        values = [
            value
            for key, entries in task.items()
            if isinstance(entries, list)
            for value in entries
            if isinstance(value, dict)
        ]
        name = _picture_in(task, where)
    size = _size(values, where)
    found = []
    for position, value in enumerate(values):
        region = _region(value, f"{where}, region {value.get('id', position)}", left_out)
        if region is not None:
            found.append(region)
    return AnnotatedPicture(name, path, tuple(found), size)


def _results(
    task: Mapping[str, Any], where: str, left_out: Counter[str]
) -> list[Mapping[str, Any]] | None:
    """Choose the annotation of a task: the one marked as ground truth, else the first that counts.

    None if nobody has annotated it.
    """
    entries = task.get("annotations", task.get("completions")) or []
    all_done = [
        check.mapping(one, where) for one in check.sequence(entries, f"{where}: annotations")
    ]
    done = [one for one in all_done if not one.get("was_cancelled")]
    if not done:
        left_out["task without annotations"] += 1
        return None
    if len(done) > 1:
        left_out["second annotation of a task"] += len(done) - 1
    chosen = next((one for one in done if one.get("ground_truth")), done[0])
    results = check.sequence(check.field(chosen, "result", where), f"{where}: result")
    return [check.mapping(result, f"{where}: result") for result in results]


def _joined(results: Sequence[Mapping[str, Any]], where: str) -> list[dict[str, Any]]:
    """Put together what several controls said about one region: its shape, and its label."""
    joined: dict[object, dict[str, Any]] = {}
    for position, result in enumerate(results):
        value = result.get("value")
        if not isinstance(value, dict):
            continue
        outer = {
            key: result[key]
            for key in ("id", "original_width", "original_height", "image_rotation", "item_index")
            if key in result
        }
        key = result.get("id") or position
        joined.setdefault(key, {}).update({**outer, **value})
    return list(joined.values())


def _region(value: Mapping[str, Any], where: str, left_out: Counter[str]) -> Region | None:
    if not _GEOMETRY & value.keys():
        return None  # a choice, a text, a rating
    names = next((value[key] for key in _LABELS if value.get(key)), None)
    if value.get("keypointlabels") or ("width" in value and "height" not in value):
        left_out["key point"] += 1
        return None
    if names is None:
        left_out["region without a label"] += 1
        return None
    if len(check.sequence(names, f"{where}: labels")) > 1:
        left_out["second label of a region"] += len(names) - 1
    if check.number(value.get("image_rotation") or 0, f"{where}: image_rotation"):
        raise ValueError(
            f"{where}: drawn on the picture turned by {value['image_rotation']} degrees; turn it "
            "back in Label Studio, or turn the file itself"
        )
    if value.get("item_index"):
        raise ValueError(f"{where}: on the second of several pictures; export one picture a task")
    return Region(check.text(names[0], f"{where}: label"), _paint(value, where))


def _paint(value: Mapping[str, Any], where: str) -> Paint:
    if "rle" in value:
        packed = check.sequence(value["rle"], f"{where}: rle")
        return regions.whole_mask(
            lambda height, width: brush_mask(packed, height, width, where=where)
        )
    if "points" in value:
        corners = check.points(value["points"], f"{where}: points")
        if len(corners) < _LEAST_CORNERS:
            raise ValueError(f"{where}: a polygon of {count(len(corners), 'point')}; it has 3")
        return partial(_paint_corners, corners, None, 0.0, where)
    x, y = _per_cent(value, "x", where), _per_cent(value, "y", where)
    degrees = check.number(
        value.get("rotation") or 0, f"{where}: rotation", least=-_MOST_DEGREES, most=_MOST_DEGREES
    )
    if "radiusX" in value:
        radius_x, radius_y = _per_cent(value, "radiusX", where), _per_cent(value, "radiusY", where)
        corners = regions.ellipse_corners((x, y), radius_x, radius_y)
    else:  # turned about its first corner
        width, height = _per_cent(value, "width", where), _per_cent(value, "height", where)
        corners = regions.box_corners(x, y, x + width, y + height)
    return partial(_paint_corners, corners, (x, y), degrees, where)


def _paint_corners(
    corners: NDArray[np.float64],
    centre: tuple[float, float] | None,
    degrees: float,
    where: str,
    labels: LabelMap,
    label: int,
) -> None:
    """Turn per cent into pixels; only then angles are angles."""
    scale = np.array(labels.shape[::-1]) / 100
    turned = corners * scale
    if centre is not None:
        turned = regions.rotate(turned, (centre[0] * scale[0], centre[1] * scale[1]), degrees)
    regions.polygons([turned], where)(labels, label)


def _per_cent(value: Mapping[str, Any], key: str, where: str) -> float:
    return check.number(
        check.field(value, key, where),
        f"{where}: {key}",
        least=-_MOST_PER_CENT,
        most=_MOST_PER_CENT,
    )


def _size(values: Sequence[Mapping[str, Any]], where: str) -> tuple[int, int] | None:
    """Take the size of the picture from any region that has it."""
    sizes = {
        check.size(value["original_height"], value["original_width"], where)
        for value in values
        if value.get("original_width") and value.get("original_height")
    }
    if len(sizes) > 1:
        raise ValueError(f"{where}: regions of pictures of different sizes, {sorted(sizes)}")
    return next(iter(sizes), None)


def _picture_in(data: Mapping[str, Any], where: str) -> str:
    named = {key: value for key, value in data.items() if _is_picture(value)}
    for key in _LIKELY_KEYS:
        if key in named:
            return str(named[key])
    if len(named) == 1:
        return str(next(iter(named.values())))
    keys = ", ".join(map(str, data)) or "nothing"
    raise ValueError(
        f"{where}: {'several fields name' if named else 'no field names'} a picture ({keys})"
    )


def _is_picture(value: object) -> bool:
    if not isinstance(value, str):
        return False
    endings = re.findall(r"\.\w{2,5}(?=$|[?&#])", value)
    return any(ending.lower() in picture_suffixes() for ending in endings)


def _configured(root: Path) -> tuple[str, ...]:
    path = root / CONFIGURATION
    if not path.is_file():
        return ()
    labels = (
        label.get("value") or ""
        for control in parse_xml(path).iter()
        if control.tag.endswith("Labels") and not control.tag.startswith("KeyPoint")
        for label in control.iter("Label")
    )
    return tuple(dict.fromkeys(name for name in labels if name))
