"""Pictures of any size: scored in overlapping tiles, labelled row by row.

Tiles go from left to right and from top to bottom. As soon as no later tile can change the scores
around a pixel row, it is labelled and given away. The CRF runs on blocks of pixels with a margin
around them that is computed and thrown away, so that what a pixel sees of its surroundings does not
end at a block's edge.

Shapes: K classes, (H, W) the picture, n of its rows.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.crf import DenseCRF
from deeplab.inference.grid import ScoreGrid
from deeplab.inference.large_spool import Spool
from deeplab.inference.scored import ScoredPicture
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.tiles import ScoreBand, Side
from deeplab.inference.tiling import Load, Tiling, cut
from deeplab.labels import label_dtype, void_of
from deeplab.rasters import Raster, RowsAhead

Progress = Callable[[int, int], object]
"""Told how many tiles are done, and of how many."""

_ROWS, _COLUMNS = 64, 1024  # of blocks that are labelled at once
_CRF_ROWS = 512
_MARGIN_DEVIATIONS = 2  # of the CRF's widest kernel; what lies farther hardly counts
_LARGEST_MARGIN = 256


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Some rows of a picture, labelled.

    Attributes:
        top: Which row of the picture the first one is.
        labels: (n, W); void where nothing was measured.
        confidence: (n, W) float32, 0..1, of each pixel's label.
        picture: (n, W, bands) uint8.
        probabilities: (n, W, K) uint8, 255 being certain; None unless asked for.
    """

    top: int
    labels: imaging.LabelMap
    confidence: NDArray[np.float32]
    picture: imaging.Picture
    probabilities: NDArray[np.uint8] | None


def label_rows(
    segmenter: Segmenter,
    raster: Raster,
    tiling: Tiling | None = None,
    *,
    with_probabilities: bool = False,
    with_polygons: bool = False,
    spool: Spool | None = None,
    progress: Progress = lambda done, total: None,
) -> Iterator[LabelledRows]:
    """Label a picture of any size from top to bottom, at full resolution.

    Args:
        segmenter: The network, ready to run; one that shrinks no pictures and has no windows of
            its own.
        raster: The picture.
        tiling: Size of the tiles, or memory for all.
        with_probabilities: Give the probability of every class, too.
        with_polygons: Leave memory to trace regions of `tiling.traced_rows` rows.
        spool: Where what is done is kept, and taken from if it is there.
        progress: Told of every tile.

    Raises:
        ValueError: The segmenter shrinks pictures or has windows, or the memory does not suffice.
    """
    if not segmenter.is_full_resolution:
        raise ValueError(
            "tiles, in which very large TIFF files are always scored, are of the full resolution: "
            "leave longest side and window out; to score a smaller picture, give a scale such as "
            "0.5"
        )
    card, crf = segmenter.card, segmenter.crf
    margin = 0 if crf is None else _margin(crf)
    load = Load(
        width=raster.width,
        held_bytes=raster.held_bytes,
        num_bands=card.num_bands,
        num_classes=len(card.class_names),
        stride=card.output_stride,
        scales=segmenter.scales,
        flip=segmenter.flip,
        margin=margin,
        crf_pixels=0 if crf is None else (_CRF_ROWS + 2 * margin) * (_COLUMNS + 2 * margin),
        traced_pixels=raster.height * raster.width if with_polygons else 0,
    )
    rows, columns = cut(raster.height, load, tiling or Tiling())
    if spool is None or len(rows.starts) == 1:  # a row of tiles is done whole or not at all
        spool = Spool()
    labelling = _Labelling(segmenter, raster, rows, columns, margin, with_probabilities, spool)
    return labelling.run(progress)


class _Labelling:
    """One picture on its way."""

    def __init__(
        self,
        segmenter: Segmenter,
        raster: Raster,
        rows: Side,
        columns: Side,
        margin: int,
        with_probabilities: bool,
        spool: Spool,
    ) -> None:
        self._segmenter, self._raster, self._spool = segmenter, raster, spool
        self._rows, self._columns = rows, columns
        self._with_probabilities = with_probabilities
        self._num_classes = len(segmenter.card.class_names)
        self._band = ScoreBand(self._num_classes, rows, columns)
        self._ahead = RowsAhead(raster)
        self._valid: NDArray[np.bool_] | None = None
        self._margin = margin
        self._block_rows, self._block_columns = _ROWS, _COLUMNS
        if segmenter.crf is not None:
            self._block_rows = _CRF_ROWS
        elif (
            len(rows.starts) == len(columns.starts) == 1
        ):  # to the last bit what it is without tiles
            self._block_rows, self._block_columns = raster.height, raster.width

    def run(self, progress: Progress) -> Iterator[LabelledRows]:
        self._spool.begin(
            self._segmenter,
            self._rows,
            self._columns,
            with_probabilities=self._with_probabilities,
        )
        done = 0
        for row in range(len(self._rows.starts)):
            picture, top = self._read(row, done)
            self._score_row(row, picture, top, progress)
            labelled = self._rows.num_pixels(self._rows.num_final(row))
            if labelled < self._raster.height:
                labelled -= self._margin
            for start, stop in _even_parts(done, labelled, self._block_rows):
                yield self._part(start, stop, picture, top)
            done = max(done, labelled)

    def _read(self, row: int, done: int) -> tuple[imaging.Picture, int]:
        """Read what a row of tiles needs, and the labelling of the rows behind it that wait."""
        start = self._rows.starts[row]
        top = max(0, min(start, done - self._margin))
        points = self._rows.points(row)
        self._band.keep(min(math.floor(top / self._rows.step), points.start), points.stop)
        try:
            return self._ahead.read(top, self._rows.end(row)), top
        except ValueError:  # what is damaged stays so: nobody will go on here
            self._spool.remove()
            raise

    def _score_row(self, row: int, picture: imaging.Picture, top: int, progress: Progress) -> None:
        num_rows, num_columns = len(self._rows.starts), len(self._columns.starts)
        name = f"scores-{row}"
        kept = self._spool.recall(name)
        if kept is not None:
            self._band.of_tiles(row)[:] = kept["scores"]
            progress((row + 1) * num_columns, num_rows * num_columns)
            return
        for column in range(num_columns):
            self._score(row, column, picture, top)
            progress(row * num_columns + column + 1, num_rows * num_columns)
        self._spool.keep(name, {"scores": self._band.of_tiles(row)})

    def _score(self, row: int, column: int, picture: imaging.Picture, top: int) -> None:
        start, left = self._rows.starts[row], self._columns.starts[column]
        right = self._columns.end(column)
        if column == 0:
            self._valid = self._raster.read_valid(start, self._rows.end(row))
        valid = self._valid
        if valid is not None and not valid[:, left:right].any():
            return  # nothing was measured here: scores stay 0, labels will be void
        tile = np.ascontiguousarray(picture[start - top : self._rows.end(row) - top, left:right])
        self._band.add(row, column, *self._segmenter.score_as_is(tile))

    def _part(self, start: int, stop: int, picture: imaging.Picture, top: int) -> LabelledRows:
        is_slow = self._segmenter.crf is not None
        name = f"rows-{start}"
        made = self._spool.recall(name) if is_slow else None
        if made is None:
            made = self._label(start, stop, picture, top)
            if is_slow:
                self._spool.keep(name, made)
        own_rows = picture[start - top : stop - top]
        return LabelledRows(
            start, made["labels"], made["confidence"], own_rows, made.get("probabilities")
        )

    def _label(
        self, start: int, stop: int, picture: imaging.Picture, top: int
    ) -> dict[str, NDArray[Any]]:
        """Make the parts of `LabelledRows`, by name."""
        shape = (stop - start, self._raster.width)
        labels = np.empty(shape, label_dtype(self._num_classes))
        confidence = np.empty(shape, np.float32)
        probabilities = None
        if self._with_probabilities:
            probabilities = np.empty((*shape, self._num_classes), np.uint8)
        for left, right in _even_parts(0, shape[1], self._block_columns):
            grid = self._grid(start, stop, left, right, picture, top)
            labels[:, left:right], confidence[:, left:right] = grid.label()
            if probabilities is not None:
                for band, values in grid.probability_bands():
                    as_bytes = (values * np.float32(255) + np.float32(0.5)).astype(np.uint8)
                    probabilities[band, left:right] = as_bytes.transpose(1, 2, 0)
        valid = self._raster.read_valid(start, stop)
        if valid is not None:
            labels[~valid] = void_of(self._num_classes)
        made: dict[str, NDArray[Any]] = {"labels": labels, "confidence": confidence}
        return made if probabilities is None else made | {"probabilities": probabilities}

    def _grid(
        self, start: int, stop: int, left: int, right: int, picture: imaging.Picture, top: int
    ) -> ScoreGrid:
        """Cut out the scores of a block of pixels, or refine them together with the margin."""
        crf = self._segmenter.crf
        if crf is None:
            return self._scores_of(start, stop, left, right)
        above, below = max(0, start - self._margin), min(self._raster.height, stop + self._margin)
        before = max(0, left - self._margin)
        behind = min(self._raster.width, right + self._margin)
        block = np.ascontiguousarray(picture[above - top : below - top, before:behind])
        grid = self._scores_of(above, below, before, behind)
        marginals = ScoredPicture(block, block, grid, grid).refine(crf).scores
        inside = marginals[:, start - above : stop - above, left - before : right - before]
        return ScoreGrid(
            np.ascontiguousarray(inside),
            np.arange(stop - start, dtype=np.float64),
            np.arange(right - left, dtype=np.float64),
            are_probabilities=True,
            threads=self._segmenter.threads,
        )

    def _scores_of(self, start: int, stop: int, left: int, right: int) -> ScoreGrid:
        scores, first = self._band.scores, self._band.first
        rows = np.arange(start, stop) / self._rows.step - first
        columns = np.arange(left, right) / self._columns.step
        one, last = math.floor(rows[0]), min(math.ceil(rows[-1]) + 1, scores.shape[1])
        west, east = math.floor(columns[0]), math.ceil(columns[-1]) + 1
        one, west = min(one, last - 1), min(west, scores.shape[2] - 1)
        part, threads = scores[:, one:last, west:east], self._segmenter.threads
        return ScoreGrid(part, rows - one, columns - west, threads=threads)


def _margin(crf: DenseCRF) -> int:
    """Say how many pixels around a block decide about it."""
    kernels = [
        kernel
        for group in (crf.bilateral, crf.spatial)
        for kernel in (group if isinstance(group, tuple) else (group,))
    ]
    widest = max((max(kernel.deviations(3)[:2]) for kernel in kernels), default=0.0)
    return min(_LARGEST_MARGIN, math.ceil(_MARGIN_DEVIATIONS * widest))


def _even_parts(start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    """Divide what lies between two numbers into parts of about the same size, `most` or fewer."""
    number = -(-max(stop - start, 0) // most)
    for part in range(number):
        yield (
            start + (stop - start) * part // number,
            start + (stop - start) * (part + 1) // number,
        )
