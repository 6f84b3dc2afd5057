import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from tests.inference.label_maps import ALL

from deeplab.imaging import LabelMap
from deeplab.inference.polygons import signed_area, trace
from deeplab.inference.regions import find_regions
from deeplab.inference.simplify import Points, is_valid, keep_valid, simplify_ring

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]])


def _orientation(a: Points, b: Points, c: Points) -> int:
    return int(np.sign((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])))


def _cross(a: Points, b: Points, c: Points, d: Points) -> bool:
    """Say whether the insides of two lines cross."""
    apart = _orientation(a, b, c) * _orientation(a, b, d)
    return apart < 0 and _orientation(c, d, a) * _orientation(c, d, b) < 0


def _crossings(rings: Sequence[Points]) -> int:
    lines = [pair for ring in rings for pair in itertools.pairwise([*ring, ring[0]])]
    return sum(_cross(*one, *other) for one, other in itertools.combinations(lines, 2))


def _none(ring: Points) -> np.ndarray:
    return np.zeros(len(ring), np.bool_)


@pytest.mark.parametrize("tolerance", [0.8, 2, 6])
@pytest.mark.parametrize("name", ["noise", "blobs", "nested", "touching"])
def test_no_simplified_polygon_crosses_itself(name: str, tolerance: float) -> None:
    regions = find_regions(ALL[name])
    for one in trace(regions, regions.labels >= 0, tolerance_px=tolerance):
        rings = [one.outer, *one.holes]
        assert is_valid(rings)
        assert _crossings(rings) == 0
        assert signed_area(one.outer) > 0
        assert all(signed_area(hole) < 0 for hole in one.holes)


@pytest.mark.parametrize("labels", ALL.values(), ids=ALL.keys())
def test_exact_polygons_are_valid(labels: LabelMap) -> None:
    regions = find_regions(labels)
    for one in trace(regions, regions.labels >= 0):
        assert is_valid([one.outer, *one.holes])


def test_corners_that_are_left_out_lie_near_the_line() -> None:
    regions = find_regions(ALL["blobs"])
    tolerance = 1.5
    for one in trace(regions, regions.labels >= 0):
        simple = simplify_ring(one.outer, _none(one.outer), tolerance)
        starts, ends = simple, np.roll(simple, -1, axis=0)
        for corner in one.outer:
            along = ends - starts
            share = ((corner - starts) * along).sum(axis=1) / (along**2).sum(axis=1)
            nearest = starts + np.clip(share, 0, 1)[:, np.newaxis] * along
            assert np.hypot(*(corner - nearest).T).min() <= tolerance


def test_a_line_is_simplified_the_same_way_from_both_sides() -> None:
    random = np.random.default_rng(0)
    ring = np.cumsum(random.integers(0, 4, (40, 2)), axis=0)
    ring[20:, 1] += np.arange(20)[::-1]
    forth = simplify_ring(ring, _none(ring), 2)
    back = simplify_ring(ring[::-1], _none(ring), 2)
    assert set(map(tuple, forth.tolist())) == set(map(tuple, back.tolist()))
    assert len(forth) < len(ring)


def test_fixed_corners_stay() -> None:
    ring = np.array([[0, 0], [5, 0], [10, 0], [10, 10], [0, 10]])
    is_fixed = np.array([False, True, False, False, True])
    assert [5, 0] in simplify_ring(ring, is_fixed, 1).tolist()
    assert [5, 0] not in simplify_ring(ring, _none(ring), 1).tolist()


def test_rings_that_would_vanish_stay_as_they_are() -> None:
    pixel = np.array([[3, 3], [4, 3], [4, 4], [3, 4]])
    hole = pixel[::-1]
    rings = keep_valid([SQUARE, hole], [_none(SQUARE), _none(hole)], 3)
    assert len(rings[1]) >= 3
    assert signed_area(rings[1]) < 0
    assert is_valid(rings)


@pytest.mark.parametrize(
    "rings",
    [
        [SQUARE[[0, 2, 1, 3]]],  # a bow
        [SQUARE[:2]],
        [np.array([[0, 0], [10, 0], [10, 10], [10, 4], [0, 10]])],  # goes back over itself
        [np.array([[0, 0], [10, 0], [5, 5], [10, 10], [0, 10], [5, 5]])],  # a point twice
        [np.array([[0, 0], [10, 0], [10, 10], [5, 0], [0, 10]])],  # touches a side of its own
        [SQUARE, SQUARE[::-1] + 5],  # a hole that crosses the outer ring
        [SQUARE, SQUARE[::-1] + 20],  # one that lies outside
        [SQUARE * 3, SQUARE[::-1] + 2, SQUARE[::-1] // 2 + 4],  # one within another
        [SQUARE, SQUARE[::-1] // 2],  # one with a line in common
    ],
)
def test_what_is_no_polygon_is_told(rings: list[Points]) -> None:
    assert not is_valid(rings)


def test_rings_may_touch_in_a_point() -> None:
    hole = np.array([[0, 0], [2, 6], [6, 2]])
    assert signed_area(hole) < 0
    assert is_valid([SQUARE, hole])
