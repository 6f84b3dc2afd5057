"""Polygons with fewer corners: Douglas and Peucker's method, and the check that they stay valid.

Rings are (N, 2) corners x, y of closed lines, the first not repeated. A line between two fixed
corners is simplified the same way from both of its sides, so that neighbours keep it in common.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.int64]
Flags = NDArray[np.bool_]

_LEAST_TOLERANCE_PX = 0.25
_MOST_PAIRS = 2**20


def keep_valid(
    rings: Sequence[Points], fixed: Sequence[Flags], tolerance_px: float
) -> list[Points]:
    """Simplify the rings of one polygon as far as it stays one.

    Args:
        rings: The outer ring and the holes.
        fixed: Of each, the corners that stay.
        tolerance_px: How far a corner that is left out may lie from the line without it; halved,
            ring by ring or for all, until no ring crosses or touches itself or another one.
    """
    while tolerance_px >= _LEAST_TOLERANCE_PX:
        simpler = [
            _simplify_alone(ring, flags, tolerance_px)
            for ring, flags in zip(rings, fixed, strict=True)
        ]
        if is_valid(simpler):
            return simpler
        tolerance_px /= 2
    return list(rings)


def simplify_ring(ring: Points, fixed: Flags, tolerance_px: float) -> Points:
    """Leave out corners of a ring, whether or not it stays simple.

    Args:
        ring: (N, 2).
        fixed: (N,) corners that stay.
        tolerance_px: See `keep_valid`.
    """
    anchors = _anchors(ring, fixed)
    ring = np.roll(ring, -anchors[0], axis=0)
    ends = [*(anchors - anchors[0]).tolist(), len(ring)]
    closed = np.concatenate([ring, ring[:1]])
    parts = [
        _simplify_line(closed[start : end + 1], tolerance_px)[:-1]
        for start, end in itertools.pairwise(ends)
    ]
    return np.concatenate(parts)


def is_valid(rings: Sequence[Points]) -> bool:
    """Say whether rings, the outer one first, are a polygon as GIS software demands it.

    No ring crosses or touches itself, no two cross, and holes lie within, beside one another.
    """
    if any(len(ring) < 3 for ring in rings):
        return False
    segments = np.concatenate(
        [np.concatenate([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings]
    )
    owners = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    for first, second in _near_pairs(segments):
        if _collide(segments[first], segments[second], owners[first] == owners[second]).any():
            return False
    return _holes_lie_within(segments, owners, len(rings))


def _simplify_alone(ring: Points, fixed: Flags, tolerance_px: float) -> Points:
    while tolerance_px >= _LEAST_TOLERANCE_PX:
        simpler = simplify_ring(ring, fixed, tolerance_px)
        if _turns(simpler) == _turns(ring) and is_valid([simpler]):
            return simpler
        tolerance_px /= 2
    return ring


def _turns(ring: Points) -> int:
    x, y = ring.T
    return int(np.sign(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))))


def _anchors(ring: Points, fixed: Flags) -> NDArray[np.int64]:
    """Choose corners that stay, at least two, alike for both neighbours of a line."""
    anchors = np.flatnonzero(fixed)
    if len(anchors) >= 2:
        return anchors
    by_place = np.lexsort((ring[:, 0], ring[:, 1]))
    first = anchors[0] if len(anchors) else by_place[0]
    distances = ((ring - ring[first]) ** 2).sum(axis=1)
    farthest = by_place[np.argmax(distances[by_place])]
    return np.array(sorted((int(first), int(farthest))))


def _simplify_line(line: Points, tolerance_px: float) -> Points:
    """Apply Douglas and Peucker's method to an open line, alike in both directions."""
    if tuple(line[0]) > tuple(line[-1]):
        return _simplify_line(line[::-1], tolerance_px)[::-1]
    kept = np.zeros(len(line), np.bool_)
    kept[[0, -1]] = True
    parts = [(0, len(line) - 1)]
    while parts:
        start, end = parts.pop()
        if end - start < 2:
            continue
        distances = _distances(line[start + 1 : end], line[start], line[end])
        worst = int(np.argmax(distances))
        if distances[worst] > tolerance_px:
            middle = start + 1 + worst
            kept[middle] = True
            parts += [(start, middle), (middle, end)]
    return line[kept]


def _distances(points: Points, start: Points, end: Points) -> NDArray[np.float64]:
    """Measure how far points lie from the line between two others: (N,)."""
    along = (end - start).astype(np.float64)
    offsets = points - start
    length = float(along @ along)
    share = np.clip(offsets @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.asarray(np.hypot(*(offsets - share[:, np.newaxis] * along).T))


def _near_pairs(segments: Points) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """List the pairs of segments (N, 4) whose boxes meet, some at a time."""
    low = np.minimum(segments[:, :2], segments[:, 2:])
    high = np.maximum(segments[:, :2], segments[:, 2:])
    by_left = np.argsort(low[:, 0], kind="stable")
    position = np.arange(len(segments))
    ends = np.searchsorted(low[by_left, 0], high[by_left, 0], side="right")
    counts = ends - position - 1
    pairs = []
    for block in np.split(position, np.flatnonzero(np.diff(np.cumsum(counts) // _MOST_PAIRS)) + 1):
        first = np.repeat(block, counts[block])
        before = np.cumsum(counts[block]) - counts[block]
        second = first + 1 + np.arange(len(first)) - np.repeat(before, counts[block])
        one, other = by_left[first], by_left[second]
        meet = (low[one, 1] <= high[other, 1]) & (low[other, 1] <= high[one, 1])
        pairs.append((one[meet], other[meet]))
    return pairs


def _collide(one: Points, other: Points, are_of_one_ring: Flags) -> Flags:
    """Say which pairs of segments (P, 4) have more in common than they may: (P,).

    Two that follow one another have one end in common, two of different rings at most one.
    """
    a, b, c, d = one[:, :2], one[:, 2:], other[:, :2], other[:, 2:]
    sides = [np.sign(_cross(*three)) for three in ((a, b, c), (a, b, d), (c, d, a), (c, d, b))]
    touch = (sides[0] * sides[1] <= 0) & (sides[2] * sides[3] <= 0)
    is_flat = (sides[0] == 0) & (sides[1] == 0)
    lie_apart = is_flat & ~_boxes_meet(one, other)
    follow = (b == c).all(axis=1) | (a == d).all(axis=1)
    share = follow | (a == c).all(axis=1) | (b == d).all(axis=1)
    may_share = np.where(are_of_one_ring, follow, share)
    # On one line, two that share an end may go on from it but not back over one another.
    shared = np.where(((b == c) | (b == d)).all(axis=1)[:, np.newaxis], b, a)
    own = a + b - shared
    others = c + d - shared
    go_back = is_flat & (((own - shared) * (others - shared)).sum(axis=1) > 0)
    return np.asarray(touch & ~lie_apart & (~may_share | go_back))


def _cross(a: Points, b: Points, c: Points) -> NDArray[np.int64]:
    along, aside = b - a, c - a
    return np.asarray(along[:, 0] * aside[:, 1] - along[:, 1] * aside[:, 0])


def _boxes_meet(one: Points, other: Points) -> Flags:
    low = np.maximum(np.minimum(one[:, :2], one[:, 2:]), np.minimum(other[:, :2], other[:, 2:]))
    high = np.minimum(np.maximum(one[:, :2], one[:, 2:]), np.maximum(other[:, :2], other[:, 2:]))
    return np.asarray((low <= high).all(axis=1))


def _holes_lie_within(segments: Points, owners: NDArray[np.int64], num_rings: int) -> bool:
    """Say whether each hole is within the outer ring and no other one; rings do not cross."""
    for hole in range(1, num_rings):
        own = segments[np.searchsorted(owners, hole)]
        x, y = (own[0] + own[2]) / 2, (own[1] + own[3]) / 2  # no other ring goes through it
        left, top, right, bottom = segments[owners != hole].T
        spans = (top <= y) != (bottom <= y)
        rise = np.where(spans, bottom - top, 1)
        is_right_of = left + (y - top) / rise * (right - left) > x
        if np.count_nonzero(spans & is_right_of) % 2 == 0:
            return False
    return True
