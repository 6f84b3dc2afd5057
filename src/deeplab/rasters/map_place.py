"""Where pixels lie on a map, in plain numbers and a name."""

from dataclasses import dataclass
from typing import Any

_SURE = 100  # percent; a reference system that is only similar to a listed one is another one


@dataclass(frozen=True)
class MapPlace:
    """A place on a map.

    Attributes:
        transform: a, b, c, d, e, f: pixel x, y lies at (a x + b y + c, d x + e y + f).
        crs: The coordinate reference system: "EPSG:32633", or its WKT where it has no such name.
            None: it is not known.
    """

    transform: tuple[float, float, float, float, float, float]
    crs: str | None

    @classmethod
    def find(cls, place: Any) -> "MapPlace | None":
        """Say where a raster lies.

        Args:
            place: Its `Raster.place`.

        Returns:
            None where it lies nowhere: its coordinates are pixels.
        """
        if place is None or (not place["crs"] and place["transform"].is_identity):
            return None
        to_map = place["transform"]
        transform = (to_map.a, to_map.b, to_map.c, to_map.d, to_map.e, to_map.f)
        return cls(transform, _name(place["crs"]))


def _name(crs: Any) -> str | None:
    if not crs:
        return None
    authority = crs.to_authority(confidence_threshold=_SURE)
    return str(crs.to_wkt()) if authority is None else ":".join(authority)
