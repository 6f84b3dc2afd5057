"""What was found in a picture, written for other programs: GeoJSON, COCO JSON, labelme.

Each connected region is an object of its own. Coordinates are pixels; (0, 0) is the outer corner of
the first one, but in labelme its centre, as labelme itself draws shapes.
"""

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import LabelMap
from deeplab.inference.polygons import Polygon, Ring, signed_area, trace
from deeplab.inference.regions import Regions, find_regions
from deeplab.inference.run_lengths import compress, runs_of_regions
from deeplab.inference.simplify import is_valid, keep_valid, simplify_ring
from deeplab.labels import is_background
from deeplab.whole_files import write_atomically

Affine = tuple[float, float, float, float, float, float]
"""a, b, c, d, e, f: pixel x, y lies at (a x + b y + c, d x + e y + f), as rasterio has it."""

_BACKGROUND = "_background_"  # what labelme's own converters call class 0
_LABELME_VERSION = "5.5.0"  # the format; what labelme 4.5 to 6 read


@dataclass(frozen=True, eq=False)
class Objects:
    """The regions of a picture that are to be written.

    Attributes:
        regions: All regions, those of other classes too.
        is_wanted: (R,) which are written.
        confidences: (R,) mean probability of the region's label in it, 0..1.
        class_names: K names.
        picture: What to call the picture: a path from the folder of the file to be written.
    """

    regions: Regions
    is_wanted: NDArray[np.bool_]
    confidences: NDArray[np.float64]
    class_names: tuple[str, ...]
    picture: str

    @classmethod
    def find(
        cls,
        labels: LabelMap,
        confidence: NDArray[np.float32],
        class_names: tuple[str, ...],
        *,
        wanted: Sequence[int],
        picture: str,
    ) -> "Objects":
        """Find the connected regions of a label map.

        Args:
            labels: (H, W).
            confidence: (H, W), 0..1.
            class_names: K names.
            wanted: The labels whose regions are to be written.
            picture: See `Objects`.
        """
        regions = find_regions(labels)
        sums = np.bincount(regions.ids.ravel(), confidence.ravel())
        is_wanted = np.isin(regions.labels, wanted)
        return cls(regions, is_wanted, sums / regions.areas, class_names, picture)


def geojson(
    objects: Objects, *, tolerance_px: float = 0, transform: Affine | None = None
) -> dict[str, Any]:
    """Make a GeoJSON feature collection: a polygon, with its holes, for each region.

    Args:
        objects: What was found.
        tolerance_px: See `polygons.trace`.
        transform: Where pixels lie on a map; None: coordinates are pixels, y down.
    """
    found = features(objects, tolerance_px=tolerance_px, transform=transform)
    return {"type": "FeatureCollection", "features": list(found)}


def features(
    objects: Objects, *, tolerance_px: float = 0, transform: Affine | None = None, top: int = 0
) -> Iterator[dict[str, Any]]:
    """Give the features of `geojson`, one after the other.

    Args:
        objects: What was found.
        tolerance_px: See `polygons.trace`.
        transform: See `geojson`.
        top: Which row of the picture the first one is, where the objects are those of a strip.
    """
    for polygon in trace(objects.regions, objects.is_wanted, tolerance_px=tolerance_px):
        rings = (polygon.outer, *polygon.holes)
        coordinates = [_positions(ring + np.array([0, top]), transform) for ring in rings]
        yield {
            "type": "Feature",
            "properties": _properties(objects, polygon.region),
            "geometry": {"type": "Polygon", "coordinates": coordinates},
        }


def coco(objects: Objects) -> dict[str, Any]:
    """Make a COCO file of one picture: regions as compressed run lengths, exact, with holes.

    Category ids are labels; all classes are listed, but for the background.
    """
    height, width = objects.regions.ids.shape
    annotations = [
        {
            "id": 0,
            "image_id": 1,
            "category_id": int(objects.regions.labels[region]),
            "segmentation": {"size": [height, width], "counts": compress(lengths)},
            "area": int(objects.regions.areas[region]),
            "bbox": objects.regions.boxes[region].tolist(),
            "iscrowd": 0,
            "score": round(float(objects.confidences[region]), 4),
        }
        for region, lengths in enumerate(runs_of_regions(objects.regions.ids))
        if objects.is_wanted[region]
    ]
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    picture = {"id": 1, "file_name": objects.picture, "height": height, "width": width}
    categories = [
        {"id": label, "name": name}
        for label, name in enumerate(objects.class_names)
        if not is_background(label, objects.class_names)
    ]
    return {"images": [picture], "annotations": annotations, "categories": categories}


def labelme(objects: Objects, *, tolerance_px: float = 0) -> dict[str, Any]:
    """Make a labelme file: a polygon for each region, larger ones below.

    labelme knows no holes. A region is written without them, and what lies in its holes is written
    after it, over it; what is not wanted as `_background_`, unless it reaches the picture's border.
    """
    regions, is_wanted = objects.regions, objects.is_wanted
    reaches_border = np.zeros(len(is_wanted), np.bool_)
    for line in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        reaches_border[regions.ids[line]] = True
    found = trace(regions, is_wanted | ~reaches_border)
    shapes = []
    for polygon in sorted(found, key=lambda one: -signed_area(one.outer)):
        name = _BACKGROUND
        if is_wanted[polygon.region]:
            name = objects.class_names[regions.labels[polygon.region]]
        shapes.append(_shape(name, _drawn_chain(polygon, tolerance_px)))
    height, width = regions.ids.shape
    return {
        "version": _LABELME_VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": objects.picture,
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, compactly, whole or not at all."""
    encoded = json.dumps(content, separators=(",", ":")).encode()
    write_atomically(path, lambda file: file.write(encoded))


def join_coco(paths: Sequence[Path], target_path: Path) -> None:
    """Make one COCO file of several of ours, with ids of its own; it may be larger than memory.

    Args:
        paths: At least one; all of one network.
        target_path: Names of pictures become paths from its folder.
    """

    def write(file: BinaryIO) -> None:
        categories = _read(paths[0])["categories"]
        file.write(b'{"categories":' + _encode(categories) + b',"images":[')
        for number, path in enumerate(paths, start=1):
            (picture,) = _read(path)["images"]
            name = os.path.normpath(path.parent / picture["file_name"])
            moved = picture | {"id": number, "file_name": path_from(target_path, Path(name))}
            file.write((b"," if number > 1 else b"") + _encode(moved))
        file.write(b'],"annotations":[')
        count = 0
        for number, path in enumerate(paths, start=1):
            for annotation in _read(path)["annotations"]:
                count += 1
                moved = annotation | {"id": count, "image_id": number}
                file.write((b"," if count > 1 else b"") + _encode(moved))
        file.write(b"]}")

    write_atomically(target_path, write)


def path_from(file: Path, other: Path) -> str:
    """Say where another file is, seen from the folder of one, with slashes."""
    try:
        return Path(os.path.relpath(other, file.parent)).as_posix()
    except ValueError:  # on another drive
        return other.absolute().as_posix()


def _properties(objects: Objects, region: int) -> dict[str, Any]:
    label = int(objects.regions.labels[region])
    return {
        "class": objects.class_names[label],
        "label": label,
        "area_px": int(objects.regions.areas[region]),
        "confidence": round(float(objects.confidences[region]), 4),
    }


def _positions(ring: Ring, transform: Affine | None) -> list[list[float]]:
    """Close a ring, on the map if there is one; outer rings anticlockwise there (RFC 7946)."""
    closed = np.concatenate([ring, ring[:1]])
    if transform is None:
        return cast("list[list[float]]", closed.tolist())
    a, b, c, d, e, f = transform
    placed = closed @ np.array([[a, d], [b, e]]) + (c, f)
    return cast("list[list[float]]", (placed if a * e > b * d else placed[::-1]).tolist())


def _drawn_chain(polygon: Polygon, tolerance_px: float) -> list[list[float]]:
    chain = polygon.chain
    if tolerance_px > 0:
        is_fixed = np.zeros(len(chain), np.bool_)
        if is_valid([chain]):
            (chain,) = keep_valid([chain], [is_fixed], tolerance_px)
        elif len(chain) > 2:  # where a region is one pixel thin, the line goes to and fro
            chain = simplify_ring(chain, is_fixed, tolerance_px)
    points = np.resize(chain, (max(len(chain), 3), 2))  # a polygon has three points or more
    return cast("list[list[float]]", points.astype(float).tolist())


def _shape(label: str, points: list[list[float]]) -> dict[str, Any]:
    return {
        "label": label,
        "points": points,
        "group_id": None,
        "description": "",
        "shape_type": "polygon",
        "flags": {},
        "mask": None,
    }


def _read(path: Path) -> Any:
    return json.loads(path.read_bytes())


def _encode(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
