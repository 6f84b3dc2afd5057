"""Connected regions of a label map: which pixels belong together.

Pixels belong together where they share a side and a label; corners do not join them.
Shapes: (H, W) the label map, R regions. Ids of regions go by their first pixels, row by row.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import LabelMap

RegionMap = NDArray[np.int32]
"""(H, W), of each pixel the id of its region."""


@dataclass(frozen=True, eq=False)
class Regions:
    """The connected regions of a label map.

    Attributes:
        ids: (H, W), 0..R-1.
        labels: (R,) the label of each.
        areas: (R,) pixels.
        boxes: (R, 4) left, top, width and height in pixels.
    """

    ids: RegionMap
    labels: LabelMap
    areas: NDArray[np.int64]
    boxes: NDArray[np.int64]


def find_regions(labels: LabelMap) -> Regions:
    """Find the connected regions of a label map (H, W); the time grows with its pixels."""
    is_start = np.ones(labels.shape, dtype=np.bool_)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=is_start[:, 1:])
    runs = np.cumsum(is_start, dtype=np.int32).reshape(labels.shape) - 1
    roots = _join(runs[-1, -1] + 1, *_touching(labels, runs, is_start))
    _, first_runs, region_of_run = np.unique(roots, return_index=True, return_inverse=True)
    starts = np.flatnonzero(is_start)
    lengths = np.diff(starts, append=labels.size)
    areas = np.zeros(len(first_runs), np.int64)
    np.add.at(areas, region_of_run, lengths)
    boxes = _boxes(starts, lengths, region_of_run, labels.shape[1])
    ids = region_of_run.astype(np.int32)[runs]
    return Regions(ids, labels.ravel()[starts[first_runs]], areas, boxes)


def _touching(
    labels: LabelMap, runs: RegionMap, is_start: NDArray[np.bool_]
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """List the runs of pixels in a row that lie below one another and have one label."""
    joined = labels[1:] == labels[:-1]
    # Of a pair of runs, one pixel is enough: the first that they share.
    joined[:, 1:] &= is_start[1:, 1:] | is_start[:-1, 1:]
    return runs[:-1][joined], runs[1:][joined]


def _join(count: int, upper: NDArray[np.int32], lower: NDArray[np.int32]) -> NDArray[np.int32]:
    """Give each of `count` runs the first one that it is joined with, over any number of others."""
    roots = np.arange(count, dtype=np.int32)
    while len(upper):
        ends = roots[upper], roots[lower]
        low, high = np.minimum(*ends), np.maximum(*ends)
        apart = low != high
        upper, lower = low[apart], high[apart]
        np.minimum.at(roots, lower, upper)
        while not np.array_equal(further := roots[roots], roots):
            roots = further
    return roots


def _boxes(
    starts: NDArray[np.int64],
    lengths: NDArray[np.int64],
    region_of_run: NDArray[np.int64],
    width: int,
) -> NDArray[np.int64]:
    rows, left = np.divmod(starts, width)
    count = int(region_of_run.max()) + 1
    low = np.full((count, 2), np.iinfo(np.int64).max)
    high = np.zeros((count, 2), np.int64)
    np.minimum.at(low, region_of_run, np.stack([left, rows], axis=1))
    np.maximum.at(high, region_of_run, np.stack([left + lengths, rows + 1], axis=1))
    return np.concatenate([low, high - low], axis=1)
