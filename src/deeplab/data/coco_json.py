"""The instance annotations of MS COCO, a JSON format that many tools write.

`images`, `categories`, and `annotations`: of each the picture, the category, and the segmentation
as polygons, or as run lengths down the columns, plain or compressed. Objects are painted from the
largest to the smallest, so that none vanishes below another; crowds (groups that were outlined
as one) come first.
"""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.data import json_files as check
from deeplab.data import regions
from deeplab.data.regions import Paint
from deeplab.data.run_lengths import mask_of_columns, uncompress

_KEPT = ("id", "image_id", "category_id", "iscrowd", "bbox", "segmentation", "segments_info")
_KEPT_OF_PICTURES = ("id", "file_name", "height", "width")
_LEAST_CORNERS = 3


@dataclass(frozen=True)
class Instance:
    """One object, or a crowd of them.

    Attributes:
        category_id: As in the file.
        is_crowd: Whether several objects are outlined as one.
        area: Pixels.
        is_box: Whether there is no outline but a box.
        paint: Paints it.
    """

    category_id: int
    is_crowd: bool
    area: float
    is_box: bool
    paint: Paint


@dataclass(frozen=True)
class CocoPicture:
    """A picture and what is on it.

    Attributes:
        file_name: As in the file.
        size: Height and width in pixels.
        instances: In the order of painting.
    """

    file_name: str
    size: tuple[int, int]
    instances: tuple[Instance, ...]


@dataclass(frozen=True)
class CocoFile:
    """A file of instance annotations.

    Attributes:
        path: The file.
        categories: Names by id, in the order of ids.
        pictures: In the order of the file.
        num_thin: Polygons that were left out, as they have fewer than three corners.
    """

    path: Path
    categories: Mapping[int, str]
    pictures: tuple[CocoPicture, ...]
    num_thin: int

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All instances of all pictures."""
        return tuple(one for picture in self.pictures for one in picture.instances)


def read_coco(path: Path) -> CocoFile:
    """Read instance annotations; no mask is made yet.

    Raises:
        ValueError: Not such a file, or something in it is missing or wrong; the message names file
            and annotation.
    """
    content = read_coco_json(path)
    for key in ("images", "annotations", "categories"):
        check.field(content, key, f"{path}: not COCO instances")
    categories = _categories(content["categories"], path)
    pictures = _pictures(content["images"], path)
    found: dict[int, list[Instance]] = {picture_id: [] for picture_id in pictures}
    num_thin = 0
    for position, value in enumerate(check.sequence(content["annotations"], f"{path}")):
        where = f"{path}: annotation {_id(value, position)}"
        picture_id = check.whole(
            check.field(value, "image_id", where), f"{where}: image_id", least=0
        )
        if picture_id not in pictures:
            raise ValueError(f"{where}: image_id {picture_id} is not among the images")
        instance, thin = _instance(value, pictures[picture_id][1], categories, where)
        num_thin += thin
        if instance is not None:
            found[picture_id].append(instance)
    made = [
        CocoPicture(*pictures[picture_id], tuple(sorted(instances, key=_order)))
        for picture_id, instances in found.items()
    ]
    return CocoFile(path, categories, tuple(made), num_thin)


def read_coco_json(path: Path) -> Any:
    """Parse a file that may be large: of annotations only what is needed is kept, and compactly."""
    return check.read_json(path, shrink=_shrink)


def _shrink(value: dict[str, Any]) -> dict[str, Any]:
    if "segmentation" in value and "category_id" in value:
        kept = {key: value[key] for key in _KEPT if key in value}
        parts = kept["segmentation"]
        if isinstance(parts, list):
            kept["segmentation"] = [_numbers(part) for part in parts]
        return kept
    if "file_name" in value and "id" in value and "annotations" not in value:
        kept = {key: value[key] for key in _KEPT_OF_PICTURES if key in value}
        return kept | (
            {"segments_info": value["segments_info"]} if "segments_info" in value else {}
        )
    return value


def _numbers(part: object) -> object:
    """Keep a list of numbers in 8 bytes each; anything else is refused later."""
    try:
        return array("d", part) if isinstance(part, list) else part
    except (TypeError, OverflowError):
        return part


def _id(value: object, position: int) -> object:
    return value["id"] if isinstance(value, dict) and "id" in value else f"number {position}"


def _order(instance: Instance) -> tuple[bool, float]:
    return not instance.is_crowd, -instance.area


def _categories(value: object, path: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for category in check.sequence(value, f"{path}: categories"):
        where = f"{path}: categories"
        number = check.whole(check.field(category, "id", where), f"{where}: id", least=0)
        if number in names:
            raise ValueError(f"{where}: id {number} stands there twice")
        names[number] = check.text(check.field(category, "name", where), f"{where}: name").strip()
    if not names:
        raise ValueError(f"{path}: categories is empty: nothing says what the ids mean")
    return dict(sorted(names.items()))


def _pictures(value: object, path: Path) -> dict[int, tuple[str, tuple[int, int]]]:
    pictures: dict[int, tuple[str, tuple[int, int]]] = {}
    for position, picture in enumerate(check.sequence(value, f"{path}: images")):
        where = f"{path}: image {_id(picture, position)}"
        number = check.whole(check.field(picture, "id", where), f"{where}: id", least=0)
        if number in pictures:
            raise ValueError(f"{where}: the id stands there twice")
        name = check.text(check.field(picture, "file_name", where), f"{where}: file_name")
        height, width = check.field(picture, "height", where), check.field(picture, "width", where)
        pictures[number] = (name, check.size(height, width, where))
    return pictures


def _instance(
    value: object, size: tuple[int, int], categories: Mapping[int, str], where: str
) -> tuple[Instance | None, int]:
    """Read one annotation; None if nothing of it has an area. Also how many parts have none."""
    content = check.mapping(value, where)
    category_id = check.whole(check.field(content, "category_id", where), where, least=0)
    if category_id not in categories:
        raise ValueError(f"{where}: category_id {category_id} is not among the categories")
    is_crowd = bool(check.whole(content.get("iscrowd", 0) or 0, f"{where}: iscrowd", least=0))
    segmentation = check.field(content, "segmentation", where)
    if isinstance(segmentation, dict):
        counts = _counts(segmentation, size, where)
        pixels = float(counts[1::2].sum())
        paint = regions.whole_mask(
            lambda height, width: mask_of_columns(counts, height, width, where)
        )
        return Instance(category_id, is_crowd, pixels, False, paint), 0
    parts = [_corners(part, where) for part in check.sequence(segmentation, where)]
    if not parts and content.get("bbox"):
        corners = _box(content["bbox"], where)
        paint = regions.polygons([corners], where)
        return Instance(category_id, is_crowd, regions.area(corners), True, paint), 0
    whole = [part for part in parts if len(part) >= _LEAST_CORNERS]
    if not whole:
        return None, len(parts) or 1
    paint = regions.polygons(whole, where)
    covered = sum(regions.area(part) for part in whole)
    return Instance(category_id, is_crowd, covered, False, paint), len(parts) - len(whole)


def _corners(part: object, where: str) -> NDArray[np.float64]:
    if not isinstance(part, array):
        raise ValueError(f"{where}: a polygon is a list of numbers x, y, x, y, ...")
    if len(part) % 2:
        raise ValueError(f"{where}: a polygon of {len(part)} numbers; x and y make an even number")
    corners = np.frombuffer(part, np.float64).reshape(-1, 2) if part else np.empty((0, 2))
    if not np.isfinite(corners).all():
        raise ValueError(f"{where}: a polygon with numbers that are not finite")
    return corners


def _box(value: object, where: str) -> NDArray[np.float64]:
    numbers = [check.number(one, f"{where}: bbox") for one in check.sequence(value, where)]
    if len(numbers) != 4:
        raise ValueError(f"{where}: bbox has {len(numbers)} numbers, not x, y, width, height")
    left, top, width, height = numbers
    return regions.box_corners(left, top, left + width, top + height)


def _counts(value: Mapping[str, Any], size: tuple[int, int], where: str) -> NDArray[np.int64]:
    """Read run lengths, plain or compressed; they have to cover the picture."""
    own = check.sequence(check.field(value, "size", where), f"{where}: size")
    if tuple(own) != size:
        raise ValueError(
            f"{where}: run lengths of size {own} (height, width), but the picture is {list(size)}"
        )
    counts = check.field(value, "counts", where)
    result = (
        np.array(uncompress(counts, where), np.int64)
        if isinstance(counts, str)
        else check.whole_numbers(counts, f"{where}: counts")
    )
    if (result < 0).any() or int(result.sum()) != size[0] * size[1]:
        raise ValueError(
            f"{where}: run lengths sum up to {result.sum()}, not to {size[0] * size[1]} pixels"
        )
    return result
