import numpy as np
import pytest
from tests.inference.label_maps import ALL

from deeplab.imaging import LabelMap
from deeplab.inference.regions import find_regions

every = pytest.mark.parametrize("labels", ALL.values(), ids=ALL.keys())


def _grow(labels: LabelMap) -> list[set[tuple[int, int]]]:
    """Find regions pixel by pixel, from each pixel to its neighbours."""
    left = {(row, column) for row in range(labels.shape[0]) for column in range(labels.shape[1])}
    regions = []
    for first in sorted(left):
        if first not in left:
            continue
        region, waiting = set(), [first]
        left.discard(first)
        while waiting:
            row, column = waiting.pop()
            region.add((row, column))
            for down, right in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                beside = (row + down, column + right)
                if beside in left and labels[beside] == labels[row, column]:
                    left.discard(beside)
                    waiting.append(beside)
        regions.append(region)
    return regions


@every
def test_regions_are_those_that_grow_from_pixel_to_pixel(labels: LabelMap) -> None:
    regions = find_regions(labels)
    grown = _grow(labels)
    assert len(regions.labels) == len(grown)
    for region, pixels in enumerate(grown):
        assert {tuple(place) for place in np.argwhere(regions.ids == region).tolist()} == pixels


@every
def test_labels_areas_and_boxes_are_those_of_the_pixels(labels: LabelMap) -> None:
    regions = find_regions(labels)
    np.testing.assert_array_equal(regions.labels[regions.ids], labels)
    for region, (left, top, width, height) in enumerate(regions.boxes):
        rows, columns = np.nonzero(regions.ids == region)
        assert regions.areas[region] == len(rows)
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)


def test_a_spiral_is_one_region() -> None:
    labels = np.zeros((9, 9), np.uint8)
    labels[0], labels[:, 8], labels[8], labels[2:, 0] = 1, 1, 1, 1
    labels[2, :7], labels[2:7, 6], labels[6, 2:7] = 1, 1, 1
    assert len(find_regions(labels).labels) == 2
