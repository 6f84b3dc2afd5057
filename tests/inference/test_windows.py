from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from deeplab.inference.windows import Windows, window_starts

STRIDE = 4


@dataclass
class Engine:
    """Scores the colour of each point, plus how far it is from the window's top left corner."""

    weight: float = 0.0
    sizes: list[tuple[int, ...]] = field(default_factory=list)

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.sizes.append(pictures.shape[:3])
        points = pictures[:, ::STRIDE, ::STRIDE].transpose(0, 3, 1, 2).astype(np.float32)
        rows, columns = np.indices(points.shape[2:], dtype=np.float32)
        return points + np.float32(self.weight) * (rows + columns)


def noise(height: int, width: int, number: int = 1) -> NDArray[np.uint8]:
    shape = (number, height, width, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("size", [(33, 41), (34, 44), (64, 17), (21, 90)])
@pytest.mark.parametrize("windows", [Windows(17, 17), Windows(16, 20, 0.5), Windows(19, 9, 0)])
def test_scores_that_depend_on_their_point_alone_are_those_of_the_whole_picture(size, windows):
    pictures = noise(*size, number=2)
    found = windows.score(Engine(), pictures, STRIDE)
    np.testing.assert_array_equal(found, Engine()(pictures))


@dataclass
class RoundingUp(Engine):
    """Has a score behind the last pixel at either side, as networks with Caffe's pools do."""

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        inside = super().__call__(pictures)
        return np.pad(inside, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=1e6)


@pytest.mark.parametrize("size", [(34, 44), (36, 40), (64, 17)])
def test_scores_behind_the_last_pixel_of_a_window_are_left_out(size):
    pictures, windows = noise(*size), Windows(16, 20, 0.5)
    found = windows.score(RoundingUp(), pictures, STRIDE)
    np.testing.assert_array_equal(found, Engine()(pictures))


def test_one_window_is_the_whole_picture():
    engine, pictures = Engine(weight=1.5), noise(17, 20)
    found = Windows(17, 20).score(engine, pictures, STRIDE)
    assert engine.sizes == [(1, 17, 20)]
    np.testing.assert_array_equal(found, Engine(weight=1.5)(pictures))


def test_overlapping_scores_are_averaged():
    windows, pictures = Windows(17, 20, 0.5), noise(40, 47)
    found = windows.score(Engine(weight=1.5), pictures, STRIDE)
    for row, column in np.ndindex(found.shape[2:]):  # slowly: every window that sees the point
        seen = [
            1.5 * (row - top // STRIDE + column - left // STRIDE)
            for top in window_starts(40, 17, stride=STRIDE, overlap=0.5)
            for left in window_starts(47, 20, stride=STRIDE, overlap=0.5)
            if top <= row * STRIDE < top + 17 and left <= column * STRIDE < left + 20
        ]
        expected = pictures[0, row * STRIDE, column * STRIDE] + np.mean(seen)
        np.testing.assert_allclose(found[0, :, row, column], expected, rtol=1e-6)  # float32


@pytest.mark.parametrize("overlap", [0, 0.25, 1 / 3, 0.5, 0.9])
def test_windows_cover_a_side_with_the_overlap_that_was_asked_for(overlap):
    for length in range(1, 90):
        for window in (4, 5, 9, 16, 33):
            starts = window_starts(length, window, stride=STRIDE, overlap=overlap)
            assert starts[0] == 0
            assert length - window <= starts[-1] < max(length - window, 0) + STRIDE
            assert all(start % STRIDE == 0 for start in starts)
            steps = np.diff(starts)
            least = max(STRIDE, window * (1 - overlap))  # a window cannot move less than a score
            assert ((steps > 0) & (steps <= least + 1e-6)).all()


def test_cityscapes_takes_two_rows_of_four_windows():
    assert window_starts(1024, 769, stride=8, overlap=1 / 3) == [0, 256]
    assert window_starts(2048, 769, stride=8, overlap=1 / 3) == [0, 424, 856, 1280]


def test_windows_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="window 0,9: give 1 pixel or more"):
        Windows(0, 9)
    with pytest.raises(ValueError, match=r"overlap 1: give the share .* 0 to 0\.9"):
        Windows(9, 9, 1)
    with pytest.raises(ValueError, match="overlap nan"):
        Windows(9, 9, float("nan"))
    with pytest.raises(ValueError, match="window 3,9: give at least the network's stride, 4"):
        Windows(3, 9).check_stride(4)
