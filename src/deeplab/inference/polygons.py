"""Borders of regions as polygons, exact or simplified.

Corners are corners of pixels: x to the right, y down, (0, 0) the outer corner of the first pixel,
so that filling a polygon gives back its region to the pixel. Regions are connected over sides of
pixels; where only corners touch, a ring passes by on the side that keeps it simple: no ring touches
itself, and rings of one region touch in single points at most, as GIS software demands.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.inference.regions import RegionMap, Regions
from deeplab.inference.simplify import keep_valid

Ring = NDArray[np.int64]
"""(N, 2) corners x, y of a closed line, the first not repeated. The region lies on its right hand
as one sees it on a screen: outer rings go clockwise there, holes the other way."""


@dataclass(frozen=True, eq=False)
class Polygon:
    """The border of one region.

    Attributes:
        region: Its id.
        outer: The ring around it.
        holes: The rings around what it encloses.
        chain: (N, 2) columns and rows of its outermost pixels, in the order of `outer`: each
            beside the one before it, or diagonal to it.
    """

    region: int
    outer: Ring
    holes: tuple[Ring, ...]
    chain: Ring


def trace(regions: Regions, wanted: NDArray[np.bool_], *, tolerance_px: float = 0) -> list[Polygon]:
    """Trace the borders of regions.

    Args:
        regions: All regions of a picture.
        wanted: (R,) which of them to trace.
        tolerance_px: Leave out corners that lie no farther from the line without them; 0 is exact.
            Neighbours keep what they share, and a polygon that would cross itself is simplified
            less, if need be not at all.

    Returns:
        A polygon for each wanted region, in the order of ids.
    """
    found: dict[int, list[_Line]] = {}
    for line in _lines(regions.ids, wanted, keep_junctions=tolerance_px > 0):
        column, row = line.pixels[0]
        found.setdefault(int(regions.ids[row, column]), []).append(line)
    return [_polygon(region, found[region], tolerance_px) for region in sorted(found)]


def signed_area(ring: Ring) -> float:
    """Measure what a ring encloses, in pixels; positive for outer rings, negative for holes."""
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@dataclass(frozen=True, eq=False)
class _Line:
    """A ring as it was walked along.

    Attributes:
        corners: (N, 2) x, y.
        are_fixed: (N,) which of them more than two regions have in common.
        pixels: (E, 2) column and row of the pixel beside each side of a pixel.
    """

    corners: Ring
    are_fixed: NDArray[np.bool_]
    pixels: Ring


def _polygon(region: int, lines: list[_Line], tolerance_px: float) -> Polygon:
    lines = sorted(lines, key=lambda line: -signed_area(line.corners))  # holes count negative
    rings = [line.corners for line in lines]
    if tolerance_px > 0:
        rings = keep_valid(rings, [line.are_fixed for line in lines], tolerance_px)
    return Polygon(region, rings[0], tuple(rings[1:]), _without_repeats(lines[0].pixels))


def _lines(ids: RegionMap, wanted: NDArray[np.bool_], *, keep_junctions: bool) -> Iterator[_Line]:
    edges = _find_edges(ids, wanted)
    order, starts = _rings(edges.following)
    points, pixels = edges.starts()[order], edges.places()[order]
    are_fixed = _junctions(ids)[points[:, 1], points[:, 0]]
    kept = edges.are_corners()[order]
    if keep_junctions:
        kept |= are_fixed
    for start, end in itertools.pairwise([*starts, len(order)]):
        own = np.s_[start:end]
        yield _Line(points[own][kept[own]], are_fixed[own][kept[own]], pixels[own])


@dataclass(frozen=True, eq=False)
class _Edges:
    """Sides of pixels at which a region ends; a padding of one pixel lies around the picture.

    Attributes:
        pixels: (E,) the pixel within the region, in the padded picture, row by row.
        sides: (E,) 0 top, 1 right, 2 bottom, 3 left.
        following: (E,) the position of the side that comes next on the ring.
        width: Columns of the padded picture.
    """

    pixels: NDArray[np.int64]
    sides: NDArray[np.int8]
    following: NDArray[np.int64]
    width: int

    def places(self) -> Ring:
        """Give column and row of the pixels: (E, 2)."""
        rows, columns = np.divmod(self.pixels, self.width)
        return np.stack([columns - 1, rows - 1], axis=1)

    def starts(self) -> Ring:
        """Give the point at which each side begins: (E, 2) x, y."""
        right = (self.sides == 1) | (self.sides == 2)
        low = self.sides >= 2
        return np.asarray(self.places() + np.stack([right, low], axis=1))

    def are_corners(self) -> NDArray[np.bool_]:
        """Say which sides do not go on straight from the one before: (E,)."""
        turns = np.empty(len(self.sides), np.bool_)
        turns[self.following] = self.sides != self.sides[self.following]
        return turns


def _find_edges(ids: RegionMap, wanted: NDArray[np.bool_]) -> _Edges:
    padded = np.pad(ids, 1, constant_values=-1)
    width = padded.shape[1]
    flat = padded.ravel()
    is_wanted = np.append(wanted, False)[flat]  # the padding, -1, takes the last
    ahead, outward = (1, width, -1, -width), (-width, 1, width, -1)
    pixels = [np.flatnonzero(is_wanted & (flat != np.roll(flat, -step))) for step in outward]
    first = np.cumsum([0, *map(len, pixels)])
    following = np.empty(first[-1], np.int64)
    for side in range(4):
        here = pixels[side]
        beside = here + ahead[side] + outward[side]
        # Left before straight before right: where only corners touch, they are joined.
        goes_left = flat[beside] == flat[here]
        is_straight = ~goes_left & (flat[here + ahead[side]] == flat[here])
        turns = (
            (goes_left, beside, -1),
            (is_straight, here + ahead[side], 0),
            (~goes_left & ~is_straight, here, 1),
        )
        for which, targets, turn in turns:
            next_side = (side + turn) % 4
            found = np.searchsorted(pixels[next_side], targets[which])
            following[first[side] : first[side + 1]][which] = first[next_side] + found
    sides = np.repeat(np.arange(4, dtype=np.int8), [len(one) for one in pixels])
    return _Edges(np.concatenate(pixels), sides, following, width)


def _rings(following: NDArray[np.int64]) -> tuple[NDArray[np.int64], list[int]]:
    """Walk along all rings: the edges in order (E,), and where in it each ring starts."""
    steps, is_done = following.tolist(), bytearray(len(following))
    order: list[int] = []
    starts = []
    for first in range(len(steps)):
        if is_done[first]:
            continue
        starts.append(len(order))
        edge = first
        while not is_done[edge]:
            is_done[edge] = 1
            order.append(edge)
            edge = steps[edge]
    return np.array(order, np.int64), starts


def _without_repeats(chain: Ring) -> Ring:
    """Leave out pixels that come several times in a row, and those on straight lines."""
    steps = np.diff(chain, axis=0, append=chain[:1])
    if not steps.any():
        return chain[:1]
    chain = chain[steps.any(axis=1)]
    steps = np.diff(chain, axis=0, append=chain[:1])
    return np.asarray(chain[(steps != np.roll(steps, 1, axis=0)).any(axis=1)])


def _junctions(ids: RegionMap) -> NDArray[np.bool_]:
    """Find the points that more than two regions meet at: (H + 1, W + 1).

    So are the picture's corners, and points at which two pixels of one region touch.
    """
    around = np.pad(ids, 1, constant_values=-1)
    a, b, c, d = around[:-1, :-1], around[:-1, 1:], around[1:, :-1], around[1:, 1:]
    borders = np.zeros(a.shape, np.int8)
    for one, other in ((a, b), (c, d), (a, c), (b, d)):  # the lines that end at the point
        borders += one != other
    borders[[0, 0, -1, -1], [0, -1, 0, -1]] = 3
    return borders >= 3
