import numpy as np
import pytest
from tests.inference.label_maps import ALL, blobs

from deeplab.imaging import LabelMap
from deeplab.inference.polygons import Polygon, Ring, signed_area, trace
from deeplab.inference.regions import Regions, find_regions

every = pytest.mark.parametrize("labels", ALL.values(), ids=ALL.keys())


def _trace_all(labels: LabelMap, tolerance_px: float = 0) -> tuple[Regions, list[Polygon]]:
    regions = find_regions(labels)
    wanted = np.ones(len(regions.labels), np.bool_)
    return regions, trace(regions, wanted, tolerance_px=tolerance_px)


def _rings(polygon: Polygon) -> list[Ring]:
    return [polygon.outer, *polygon.holes]


@every
def test_filled_by_gdal_the_polygons_are_their_regions(labels: LabelMap) -> None:
    features = pytest.importorskip("rasterio.features")
    regions, polygons = _trace_all(labels)
    assert [one.region for one in polygons] == list(range(len(regions.labels)))
    for one in polygons:
        coordinates = [[*ring.tolist(), ring[0].tolist()] for ring in _rings(one)]
        shape = {"type": "Polygon", "coordinates": coordinates}
        filled = features.rasterize([shape], labels.shape)
        np.testing.assert_array_equal(filled > 0, regions.ids == one.region)


@every
def test_areas_are_those_of_the_pixels_holes_counting_negative(labels: LabelMap) -> None:
    regions, polygons = _trace_all(labels)
    for one in polygons:
        assert signed_area(one.outer) > 0
        assert all(signed_area(hole) < 0 for hole in one.holes)
        assert sum(map(signed_area, _rings(one))) == regions.areas[one.region]


@every
def test_no_ring_comes_to_a_point_twice_and_two_share_one_at_most(labels: LabelMap) -> None:
    for one in _trace_all(labels)[1]:
        points = [set(map(tuple, ring.tolist())) for ring in _rings(one)]
        assert list(map(len, points)) == [len(ring) for ring in _rings(one)]
        for position, own in enumerate(points):
            assert all(len(own & other) <= 1 for other in points[position + 1 :])


@every
def test_every_corner_is_a_turn(labels: LabelMap) -> None:
    for one in _trace_all(labels)[1]:
        for ring in _rings(one):
            steps = np.diff(ring, axis=0, append=ring[:1]) != 0
            assert (steps.sum(axis=1) == 1).all()
            assert (steps[:, 0] != np.roll(steps[:, 0], 1)).all()


def test_only_wanted_regions_are_traced() -> None:
    regions = find_regions(ALL["nested"])
    polygons = trace(regions, regions.labels == 2)
    assert [regions.labels[one.region] for one in polygons] == [2]


@every
def test_chains_go_through_the_outermost_pixels_step_by_step(labels: LabelMap) -> None:
    regions, polygons = _trace_all(labels)
    for one in polygons:
        steps = np.diff(one.chain, axis=0, append=one.chain[:1])
        assert ((steps == 0) | (np.abs(steps) == np.abs(steps).max(axis=1)[:, None])).all()
        assert (regions.ids[one.chain[:, 1], one.chain[:, 0]] == one.region).all()
        left, top, width, height = regions.boxes[one.region]
        assert one.chain.min(axis=0).tolist() == [left, top]
        assert one.chain.max(axis=0).tolist() == [left + width - 1, top + height - 1]


def test_simplified_neighbours_leave_no_gap_and_do_not_overlap() -> None:
    labels = blobs(60, 80, 4)
    for tolerance in (0.8, 1.5):
        polygons = _trace_all(labels, tolerance)[1]
        total = sum(signed_area(ring) for one in polygons for ring in _rings(one))
        assert total == labels.size
        shared: dict[tuple[tuple[int, int], ...], int] = {}
        for one in polygons:
            for ring in _rings(one):
                for start, end in zip(
                    ring.tolist(), np.roll(ring, -1, axis=0).tolist(), strict=True
                ):
                    side = tuple(sorted((tuple(start), tuple(end))))
                    shared[side] = shared.get(side, 0) + 1
        height, width = labels.shape
        for ((x, y), (x2, y2)), times in shared.items():
            is_border = (x == x2 and x in (0, width)) or (y == y2 and y in (0, height))
            assert times == (1 if is_border else 2)


def test_simplified_polygons_have_far_fewer_corners_and_nearly_the_pixels() -> None:
    labels = blobs(60, 80, 4)
    exact, simple = _trace_all(labels)[1], _trace_all(labels, 1.5)[1]
    for before, after in zip(exact, simple, strict=True):
        assert abs(signed_area(after.outer) - signed_area(before.outer)) < len(before.outer)
    corners = [sum(len(ring) for one in some for ring in _rings(one)) for some in (exact, simple)]
    assert corners[1] < corners[0] / 3
