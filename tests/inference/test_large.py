from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import colour_card

from deeplab.crf import Bilateral, DenseCRF, Spatial
from deeplab.inference import Engine, ScoreGrid, Segmenter, Tiling, label_rows
from deeplab.rasters.raster import ArrayRaster

STRIDE = 4
EXAMPLES = Path(__file__).parents[2] / "examples"
CRF = DenseCRF(bilateral=Bilateral(4, 6, 9), spatial=Spatial(3, 2), iterations=3, threads=1)


class ColourEngine(Engine):
    """Scores the colour of each point: black, red and green are the three classes."""

    def __init__(self, reach=0):
        self.card = colour_card(STRIDE)
        self.largest = 0
        self._reach = reach  # how many points around decide too

    def class_scores(self, pictures):
        self.largest = max(self.largest, pictures.shape[1] * pictures.shape[2])
        points = pictures[:, ::STRIDE, ::STRIDE].transpose(0, 3, 1, 2) / np.float32(25.5)
        reach = self._reach
        if reach:
            padded = np.pad(points, ((0, 0), (0, 0), (reach, reach), (reach, reach)))
            around = np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2, (2, 3))
            points = around.mean(axis=(4, 5), dtype=np.float32)
        return np.concatenate([np.full_like(points[:, :1], 5), points[:, :2]], axis=1)


def smooth(height, width):
    small = np.random.default_rng(0).integers(
        0, 256, (height // 9 + 2, width // 9 + 2, 3), np.uint8
    )
    return np.asarray(Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC))


def joined(parts):
    parts = list(parts)
    assert [part.top for part in parts] == list(np.cumsum([0, *(len(p.labels) for p in parts)]))[
        :-1
    ]
    return parts, *(
        np.concatenate([getattr(part, name) for part in parts])
        for name in ("labels", "confidence", "picture")
    )


def assert_same(labels, expected):
    """Equal but for pixels at which two classes are equal to within rounding."""
    assert np.mean(labels == expected) > 0.9995


def large(segmenter, picture, **options):
    tiling = Tiling(**options)
    return joined(label_rows(segmenter, ArrayRaster(picture), tiling))


@pytest.mark.parametrize("options", [{}, {"flip": True}, {"scales": (0.5, 1)}, {"scales": (2,)}])
def test_one_tile_gives_what_there_is_without_tiles(options):
    picture, segmenter = smooth(120, 90), Segmenter(ColourEngine(reach=2), **options)
    _, labels, confidence, shown = large(segmenter, picture, tile=128)
    expected = segmenter(picture)
    np.testing.assert_array_equal(labels, expected.labels)
    np.testing.assert_array_equal(confidence, expected.confidence)
    np.testing.assert_array_equal(shown, picture)


@pytest.mark.parametrize("size", [(150, 131), (40, 300), (300, 33), (1, 200), (70, 1)])
def test_scores_of_points_alone_give_the_same_labels_in_tiles(size):
    picture, engine = smooth(*size), ColourEngine()
    segmenter = Segmenter(engine)
    _, labels, confidence, _ = large(segmenter, picture, tile=64)
    assert engine.largest <= 64 * 64
    expected = segmenter(picture)
    assert_same(labels, expected.labels)
    np.testing.assert_allclose(confidence, expected.confidence, atol=1e-5)  # float32


def test_rows_come_before_the_picture_has_been_read_to_its_end():
    class Watched(ArrayRaster):
        last = 0

        def read(self, top, bottom):
            Watched.last = bottom
            return super().read(top, bottom)

    picture = smooth(500, 60)
    first = next(label_rows(Segmenter(ColourEngine()), Watched(picture), Tiling(tile=64)))
    assert (first.top, Watched.last) == (0, 64)


@pytest.mark.parametrize("options", [{"flip": True}, {"scales": (0.5,)}, {"scales": (0.75, 0.5)}])
def test_a_network_that_sees_further_finds_nearly_the_same_in_tiles(options):
    picture, segmenter = smooth(260, 240), Segmenter(ColourEngine(reach=1), **options)
    _, labels, _, _ = large(segmenter, picture, tile=129)
    assert np.mean(labels == segmenter(picture).labels) > 0.95


def test_blending_is_better_than_cutting():
    picture, segmenter = smooth(260, 240), Segmenter(ColourEngine(reach=3))
    expected = segmenter(picture).labels
    shares = [
        np.mean(large(segmenter, picture, tile=96, overlap=overlap)[1] == expected)
        for overlap in (0, 0.4)
    ]
    assert shares[0] < shares[1]


def test_the_crf_in_one_block_is_the_crf():
    picture, segmenter = smooth(120, 90), Segmenter(ColourEngine(), crf=CRF)
    _, labels, confidence, _ = large(segmenter, picture, tile=128)
    expected = segmenter(picture)
    np.testing.assert_array_equal(labels, expected.labels)
    np.testing.assert_array_equal(confidence, expected.confidence)


def test_the_crf_in_blocks_leaves_no_seams():
    picture, segmenter = smooth(300, 200), Segmenter(ColourEngine(), crf=CRF)
    parts, labels, _, _ = large(segmenter, picture, tile=100)
    assert len(parts) > 2
    differs = labels != segmenter(picture).labels
    assert differs.mean() < 0.01
    seams = np.cumsum([len(part.labels) for part in parts])[:-1]
    assert differs[seams].mean() < 0.02


def test_what_was_not_measured_is_void_and_not_scored():
    class Partly(ArrayRaster):
        def read_valid(self, top, bottom):
            valid = np.ones((bottom - top, self.width), bool)
            valid[:, 100:] = False
            return valid

    picture, counted = smooth(64, 640), []
    segmenter = Segmenter(ColourEngine())
    expected = segmenter(picture).labels
    score = segmenter.score_as_is
    segmenter.score_as_is = lambda tile: counted.append(tile.shape) or score(tile)
    _, labels, _, _ = joined(label_rows(segmenter, Partly(picture), Tiling(tile=64)))
    assert (labels[:, 100:] == 255).all()
    assert_same(labels[:, :96], expected[:, :96])
    assert len(counted) <= 3


def test_probabilities_are_those_of_the_whole_picture_in_bytes():
    picture, segmenter = smooth(150, 100), Segmenter(ColourEngine())
    rows = label_rows(segmenter, ArrayRaster(picture), Tiling(tile=64), with_probabilities=True)
    found = np.concatenate([part.probabilities for part in rows])
    expected = segmenter(picture).probabilities().transpose(1, 2, 0) * 255
    np.testing.assert_allclose(found, expected, atol=0.51)  # rounded


@pytest.mark.parametrize("crf", [None, CRF])
def test_tiles_are_labelled_with_the_threads_of_the_segmenter(crf, monkeypatch):
    threads = set()
    label = ScoreGrid.label

    def watched(grid):
        threads.add(grid.threads)
        return label(grid)

    monkeypatch.setattr(ScoreGrid, "label", watched)
    list(large(Segmenter(ColourEngine(), crf=crf, threads=3), smooth(60, 60), tile=40))
    assert threads == {3}


def test_progress_counts_the_tiles():
    told = []
    rows = label_rows(
        Segmenter(ColourEngine()),
        ArrayRaster(smooth(100, 200)),
        Tiling(tile=64, overlap=0),
        progress=lambda done, total: told.append((done, total)),
    )
    list(rows)
    assert told == [(number, 8) for number in range(1, 9)]


@pytest.mark.parametrize("options", [{"longest_side": 50}, {"window": 32}])
def test_segmenters_that_do_it_their_own_way_are_refused(options):
    segmenter = Segmenter(ColourEngine(), **options)
    with pytest.raises(ValueError, match="of the full resolution: leave longest side"):
        label_rows(segmenter, ArrayRaster(smooth(9, 9)), Tiling())


@pytest.mark.weights
def test_a_real_photo_has_nearly_the_same_labels_in_tiles():
    with Image.open(EXAMPLES / "boats.jpg") as photo:
        picture = np.asarray(photo.convert("RGB"))
    segmenter = Segmenter.load(threads=1)
    whole, _ = segmenter.score_as_is(picture)
    rows, columns = (np.arange(length) / 16 for length in picture.shape[:2])
    expected = ScoreGrid(whole, rows, columns).label()[0]
    _, labels, _, _ = large(segmenter, picture, tile=513)
    assert np.mean(labels == expected) > 0.99
