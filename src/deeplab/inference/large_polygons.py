"""Polygons of pictures that are labelled in tiles, as GeoJSON, written as the rows come.

Rows are gathered until they fill a strip, of which the regions are traced; a strip is the whole
picture where the memory allows, else regions end where it ends, and the file says at which rows.

Coordinates are those of the raster's map. GeoJSON of today (RFC 7946) knows WGS 84 alone; where the
map is another one, the file has the member `crs` of the older GeoJSON (2008), which GDAL and QGIS
read. So no coordinates are converted, and polygons cover the pixels of the mask exactly.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.inference.annotations import Objects, features
from deeplab.inference.large import LabelledRows
from deeplab.inference.tiling import memory_to_trace, traced_rows
from deeplab.rasters import MapPlace, Raster, RowGroups

_log = logging.getLogger(__name__)

_WGS_84 = "EPSG:4326"  # in GeoJSON, too, longitude comes first


class PolygonFile:
    """A GeoJSON file that grows from top to bottom.

    Args:
        path: The file; one that is there is lost.
        raster: The picture.
        class_names: K names.
        labels: What becomes of each label of a label map, see `Segmentation.labels_of`.
        wanted: The labels whose regions are written.
        simplify_px: See `SaveOptions`.
        memory: Bytes that the whole process may take.
    """

    def __init__(
        self,
        path: Path,
        raster: Raster,
        *,
        class_names: tuple[str, ...],
        labels: imaging.LabelMap,
        wanted: Sequence[int],
        simplify_px: float,
        memory: int,
    ) -> None:
        height, width = raster.height, raster.width
        strip_rows = traced_rows(height, width, memory)
        self._class_names, self._labels, self._wanted = class_names, labels, wanted
        self._simplify_px = simplify_px
        self._place = MapPlace.find(raster.place)
        self._strip_labels = RowGroups((strip_rows, width), labels.dtype)
        self._strip_confidence = RowGroups((strip_rows, width), np.dtype(np.float32))
        self._num_done, self._is_first = 0, True
        self._file = path.open("w", encoding="utf-8")
        head = {"type": "FeatureCollection", **_crs_member(self._place)}
        if strip_rows < height:
            head["cut_at_rows"] = list(range(strip_rows, height, strip_rows))
            _log.warning(
                "%s: polygons are cut at every %d rows; whole ones take --memory %.1fGB",
                raster.name,
                strip_rows,
                memory_to_trace(height, width) / 1e9 + 0.05,
            )
        self._file.write(_encode(head)[:-1] + ',"features":[')

    def add(self, part: LabelledRows) -> None:
        """Add rows, those below the last ones."""
        strips = zip(
            self._strip_labels.add(self._labels[part.labels]),
            self._strip_confidence.add(part.confidence),
            strict=True,
        )
        for labels, confidence in strips:
            self._write(labels, confidence)

    def finish(self) -> None:
        """Write what the file ends with, and close it."""
        labels, confidence = self._strip_labels.rest(), self._strip_confidence.rest()
        if len(labels):
            self._write(labels, confidence)
        self._file.write("]}")
        self._file.close()

    def abandon(self) -> None:
        """Close the file, unfinished as it is."""
        self._file.close()

    def _write(self, labels: imaging.LabelMap, confidence: NDArray[np.float32]) -> None:
        objects = Objects.find(
            labels, confidence, self._class_names, wanted=self._wanted, picture=""
        )
        transform = None if self._place is None else self._place.transform
        for feature in features(
            objects, tolerance_px=self._simplify_px, transform=transform, top=self._num_done
        ):
            self._file.write(("" if self._is_first else ",") + _encode(feature))
            self._is_first = False
        self._num_done += len(labels)


def _crs_member(place: MapPlace | None) -> dict[str, Any]:
    """Say on which map coordinates are; where nothing is said, readers take WGS 84."""
    if place is None or place.crs == _WGS_84:
        return {}
    if place.crs is None:
        return {"crs": None}  # GeoJSON of 2008: nothing can be assumed
    authority, _, code = place.crs.partition(":")
    is_listed = authority.isalnum() and code.isalnum()
    name = f"urn:ogc:def:crs:{authority}::{code}" if is_listed else place.crs
    return {"crs": {"type": "name", "properties": {"name": name}}}


def _encode(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
