import numpy as np
import pytest

from deeplab.inference.tiles import ScoreBand, Side

CUTS = [
    (stride, scale, tile)
    for stride in (4, 8)
    for scale in (0.5, 0.75, 1, 2, 0.37)
    for tile in (33, 40, 65)
]


def cut(length, stride, scale, tile, overlap=0.25):
    return Side.cut(length, tile=tile, overlap=overlap, stride=stride, largest_scale=scale)


@pytest.mark.parametrize(("stride", "scale", "tile"), CUTS)
def test_weights_are_one_in_sum_at_every_score(stride, scale, tile):
    for length in (1, 31, 40, 97, 150):
        side = cut(length, stride, scale, tile)
        total = np.zeros(side.num_scores)
        for number in range(len(side.starts)):
            points = side.points(number)
            total[points.start : points.stop] += side.weights(number)
        np.testing.assert_allclose(total, 1, rtol=1e-6)


def test_one_tile_counts_exactly_one():
    side = cut(33, 4, 1, 40)
    np.testing.assert_array_equal(side.weights(0), np.ones(9, np.float32))


def test_weights_fall_towards_edges_but_not_towards_the_border_of_the_picture():
    side = cut(100, 4, 1, 40, overlap=0.5)
    assert len(side.starts) > 2
    first, middle, last = (side.weights(number) for number in (0, 1, len(side.starts) - 1))
    assert first[0] == last[-1] == 1
    assert (np.diff(first) <= 0).all()
    assert (np.diff(last) >= 0).all()
    assert middle[0] < middle.max() > middle[-1]


@pytest.mark.parametrize(("stride", "scale", "tile"), CUTS)
def test_scores_that_are_final_are_in_no_later_tile(stride, scale, tile):
    side = cut(150, stride, scale, tile)
    for number in range(len(side.starts)):
        final = side.num_final(number)
        assert all(side.points(n).start >= final for n in range(number + 1, len(side.starts)))
        pixels = side.num_pixels(final)
        assert pixels == side.length or (pixels - 1) / side.step <= final - 1 + 1e-6
    assert side.num_pixels(side.num_final(len(side.starts) - 1)) == 150


@pytest.mark.parametrize("scale", [1, 0.5, 0.75, 2, 0.37])
def test_tiles_of_a_plane_give_the_plane(scale):
    stride = 4
    rows, columns = (cut(length, stride, scale, 33) for length in (70, 97))
    band = ScoreBand(2, rows, columns)
    band.keep(0, rows.num_scores)
    for row, top in enumerate(rows.starts):
        for column, left in enumerate(columns.starts):
            sides = [(rows.end(row) - top, top), (columns.end(column) - left, left)]
            steps, places = [], []
            for length, start in sides:
                scaled = round((length - 1) * scale) + 1
                steps.append((scaled - 1) / (length - 1) / stride)
                places.append(start + np.arange(-(-scaled // stride)) / steps[-1])
            plane = 3 * places[0][:, np.newaxis] - places[1]
            scores = np.stack([plane, 5 + 0 * plane]).astype(np.float32)
            band.add(row, column, scores, (steps[0], steps[1]))
    y, x = np.arange(rows.num_scores) * rows.step, np.arange(columns.num_scores) * columns.step
    inside = np.s_[: int(69 // rows.step), : int(96 // columns.step)]
    expected = 3 * y[:, np.newaxis] - x
    np.testing.assert_allclose(band.scores[0][inside], expected[inside], atol=0.01)
    np.testing.assert_allclose(band.scores[1], 5, rtol=1e-5)
