from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import deeplab
from deeplab import imaging
from deeplab.crf import DenseCRF
from deeplab.inference import Engine, Segmenter
from deeplab.network_card import NetworkCard

Array = NDArray[Any]
STRIDE = 4
CARD = NetworkCard(
    name="points",
    class_names=("red", "green", "blue"),
    palette=((255, 0, 0), (0, 255, 0), (0, 0, 255)),
    output_stride=STRIDE,
    recipe="",
    provenance={},
)


@dataclass
class PointEngine(Engine):
    """Scores red, green and blue at the point that each score belongs to; remembers sizes."""

    card: NetworkCard = CARD
    seen_sizes: list[tuple[int, ...]] = field(default_factory=list)

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.seen_sizes.append(pictures.shape[:3])
        points = pictures[:, ::STRIDE, ::STRIDE].astype(np.float32)
        return np.ascontiguousarray(points.transpose(0, 3, 1, 2))


@dataclass
class LeftEngine(Engine):
    """Scores how far left a point lies, whatever the picture shows: not at all mirrored."""

    card: NetworkCard = CARD

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        number, height, width = pictures.shape[:3]
        columns = np.arange(0, width, STRIDE, dtype=np.float32)
        rows = np.zeros((number, 3, -(-height // STRIDE), 1), np.float32)
        return rows + columns


class RoundingUpEngine(PointEngine):
    """Has a row and a column of scores behind the last pixel, as networks with Caffe's pools do."""

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        scores = super().class_scores(pictures)
        for axis in (2, 3):
            last, before = (scores.take([place], axis) for place in (-1, -2))
            scores = np.concatenate([scores, 2 * last - before], axis)
        return scores


def ramp(height: int, width: int) -> Array:
    """A picture whose colours rise linearly: red downwards, green to the right."""
    rows, columns = np.indices((height, width))
    return np.stack([2 * rows, 2 * columns, 0 * rows], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("size", [(33, 41), (34, 44), (5, 9), (1, 1), (2, 30)])
def test_scores_lie_on_the_pixels_they_belong_to(size: tuple[int, int]) -> None:
    # Scores that are linear in the place come back exactly, up to the last grid point.
    picture = ramp(*size)
    result = Segmenter(PointEngine())(picture)
    upsampled = np.concatenate([scores for _, scores in result.grid.bands()], axis=1)
    last_row, last_column = (STRIDE * ((length - 1) // STRIDE) for length in size)
    inside = np.s_[:, : last_row + 1, : last_column + 1]
    np.testing.assert_allclose(
        upsampled[inside],
        picture.transpose(2, 0, 1)[inside],
        atol=1e-4,  # float32
    )


@pytest.mark.parametrize("scales", [(1.0,), (1.0, 0.5)])
@pytest.mark.parametrize("size", [(32, 42), (34, 44)])
def test_scores_behind_the_last_pixel_are_used_for_those_before_it(
    size: tuple[int, int], scales: tuple[float, ...]
) -> None:
    picture = ramp(*size)
    grid = Segmenter(RoundingUpEngine(), scales=scales).score(picture).grid
    # The half size has rounded colours.
    tolerance = 1e-3 if scales == (1.0,) else 2.0
    np.testing.assert_allclose(grid.whole(), picture.transpose(2, 0, 1), atol=tolerance)


def test_results_have_the_size_of_the_picture(network_path: Path) -> None:
    segmenter = Segmenter.load(network_path)
    for size in ((1, 1), (3, 50), (37, 23)):
        result = segmenter(np.zeros((*size, 3), np.uint8))
        assert result.labels.shape == result.confidence.shape == size
        assert result.probabilities().shape == (3, *size)


def test_colours_become_their_classes(network_path: Path) -> None:
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:, 8:16] = (255, 0, 0)
    picture[:, 16:] = (0, 255, 0)
    result = deeplab.Segmenter.load(network_path)(picture)
    assert result.class_names == ("background", "cat", "person")
    assert (result.labels[:, :5] == 0).all()
    assert (result.labels[:, 8:13] == 1).all()
    assert (result.labels[:, 16:] == 2).all()


def test_a_path_an_image_and_an_array_give_the_same(network_path: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    path = tmp_path / "noise.png"
    Image.fromarray(picture).save(path)
    segmenter = Segmenter.load(network_path)
    expected = segmenter(picture)
    for source in (path, str(path), Image.open(path)):
        np.testing.assert_array_equal(segmenter(source).labels, expected.labels)
        np.testing.assert_array_equal(segmenter(source).confidence, expected.confidence)


def test_a_picture_that_is_none_is_refused(network_path: Path) -> None:
    with pytest.raises(ValueError, match=r"array of shape \(4, 4\)"):
        Segmenter.load(network_path)(np.zeros((4, 4), np.uint8))


# Scales


@pytest.mark.parametrize("scale", [0.5, 0.75, 2.0])
def test_a_scale_sees_the_picture_with_its_corners_kept(scale: float) -> None:
    engine = PointEngine()
    Segmenter(engine, scales=(scale,))(ramp(33, 41))
    assert engine.seen_sizes == [(1, round(32 * scale) + 1, round(40 * scale) + 1)]


@pytest.mark.parametrize("scales", [(0.5,), (1.0, 0.5), (0.5, 0.75, 1.0), (2.0, 1.0)])
def test_scales_agree_where_scores_are_linear(scales: tuple[float, ...]) -> None:
    # Linear scores are the same at every scale, so their maximum changes nothing.
    picture = ramp(33, 41)  # sizes 8k+1: every scale has its corners on the grid
    plain = Segmenter(PointEngine())(picture)
    fused = Segmenter(PointEngine(), scales=scales)(picture)
    for (_, expected), (_, found) in zip(plain.grid.bands(), fused.grid.bands(), strict=True):
        np.testing.assert_allclose(found, expected, atol=0.51)  # pictures are rounded to uint8


def test_scores_of_scales_are_fused_by_their_maximum() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (33, 41, 3), dtype=np.uint8)
    one, half = (
        Segmenter(PointEngine(), scales=(scale,)).class_scores(picture) for scale in (1.0, 0.5)
    )
    half_on_one = imaging.sample_scores(half, np.arange(9) / 2, np.arange(11) / 2)
    fused = Segmenter(PointEngine(), scales=(0.5, 1.0)).class_scores(picture)
    np.testing.assert_array_equal(fused, np.maximum(one, half_on_one))


@pytest.mark.parametrize(
    ("scales", "message"),
    [
        ((), "no scales"),
        ((0.0,), r"scale 0: allowed are 0\.1 to 4"),
        ((1.0, -1.0), "scale -1"),
        ((5.0,), "scale 5"),
        ((float("nan"),), "scale nan"),
        ((float("inf"),), "scale inf"),
        ((1.0, 0.5, 1.0), "scales 1, 0.5, 1: one comes twice"),
    ],
)
def test_scales_out_of_range_are_refused(scales: tuple[float, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Segmenter(PointEngine(), scales=scales)


# Flip


def test_with_flip_a_mirrored_picture_has_mirrored_results() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (9, 33, 3), dtype=np.uint8)
    segmenter = Segmenter(PointEngine(), flip=True)
    plain, mirrored = segmenter(picture), segmenter(picture[:, ::-1])
    np.testing.assert_array_equal(mirrored.labels[:, ::-1], plain.labels)


@pytest.mark.parametrize("width", [33, 34, 36])
def test_mirrored_scores_come_back_to_their_place(width: int) -> None:
    # Linear scores are the same from both sides. Not so the first column, if the stride does not
    # divide width - 1: it lies beyond the last grid point of the mirrored picture.
    picture = ramp(9, width)
    plain = Segmenter(PointEngine()).class_scores(picture)
    flipped = Segmenter(PointEngine(), flip=True).class_scores(picture)
    np.testing.assert_allclose(flipped[:, :, 1:], plain[:, :, 1:], atol=1e-4)  # float32


def test_flip_averages_the_picture_and_its_mirror_image() -> None:
    # Left scores x and mirrored W-1-x average to the same everywhere.
    scores = Segmenter(LeftEngine(), flip=True).class_scores(np.zeros((9, 33, 3), np.uint8))
    np.testing.assert_allclose(scores, 32 / 2, atol=1e-5)  # float32


def test_flip_is_averaged_before_scales_are_fused() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (33, 33, 3), dtype=np.uint8)
    scales = [
        Segmenter(PointEngine(), scales=(scale,), flip=True).class_scores(picture)
        for scale in (1.0, 0.5)
    ]
    expected = np.maximum(
        scales[0], imaging.sample_scores(scales[1], np.arange(9) / 2, np.arange(9) / 2)
    )
    fused = Segmenter(PointEngine(), scales=(1.0, 0.5), flip=True).class_scores(picture)
    np.testing.assert_array_equal(fused, expected)


# Large pictures


def test_large_pictures_are_shrunk_before_scoring_but_not_after() -> None:
    engine = PointEngine()
    result = Segmenter(engine, longest_side=40)(ramp(60, 120))
    assert engine.seen_sizes == [(1, 20, 40)]
    assert result.labels.shape == (60, 120)


def test_shrunk_pictures_keep_their_place() -> None:
    # Red rises by 2 a pixel: a score map that is off by one pixel is off by 2.
    picture = ramp(60, 120)
    result = Segmenter(PointEngine(), longest_side=40)(picture)
    upsampled = np.concatenate([scores for _, scores in result.grid.bands()], axis=1)
    inside = np.s_[:, 3:48, 3:108]  # the average at the border, and past the last grid point
    difference = upsampled[inside] - picture.transpose(2, 0, 1)[inside]
    assert np.abs(difference).max() <= 1  # rounded to uint8 after shrinking


def test_the_card_says_how_large_pictures_may_be(make_network: Callable[..., Path]) -> None:
    path = make_network(output_stride=4, longest_side=20)
    picture = np.zeros((30, 60, 3), np.uint8)
    assert Segmenter.load(path).class_scores(picture).shape == (3, 3, 5)
    assert Segmenter.load(path, longest_side=40).class_scores(picture).shape == (3, 5, 10)


def test_a_longest_side_below_one_is_refused() -> None:
    with pytest.raises(ValueError, match="longest side 0"):
        Segmenter(PointEngine(), longest_side=0)


# Windows


def test_a_picture_in_one_window_is_scored_as_without() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (33, 41, 3), dtype=np.uint8)
    for settings in ({"scales": (0.5, 1.0)}, {"flip": True}, {}):
        plain = Segmenter(PointEngine(), **settings).class_scores(picture)
        windowed = Segmenter(PointEngine(), window=(33, 41), **settings).class_scores(picture)
        np.testing.assert_array_equal(windowed, plain)


def test_scales_and_flip_are_those_of_scores_averaged_over_windows() -> None:
    # Scores of a point alone are the same in all windows, so windows change nothing at any scale.
    picture = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    settings: dict[str, Any] = {"scales": (0.75, 1.0, 1.25), "flip": True}
    plain = Segmenter(PointEngine(), **settings)(picture)
    engine = PointEngine()
    windowed = Segmenter(engine, window=21, overlap=0.5, **settings)(picture)
    assert max(max(size[1:]) for size in engine.seen_sizes) == 21
    np.testing.assert_array_equal(windowed.grid.scores, plain.grid.scores)
    np.testing.assert_array_equal(windowed.labels, plain.labels)


def test_windows_take_the_place_of_shrinking(make_network: Callable[..., Path]) -> None:
    path = make_network(output_stride=4, longest_side=20)
    picture = np.zeros((30, 60, 3), np.uint8)
    assert Segmenter.load(path, window=20).class_scores(picture).shape == (3, 8, 15)
    both = Segmenter.load(path, window=20, longest_side=40)
    assert both.class_scores(picture).shape == (3, 5, 10)


def test_an_overlap_without_windows_is_refused() -> None:
    with pytest.raises(ValueError, match=r"overlap 0\.5 is of windows"):
        Segmenter(PointEngine(), overlap=0.5)
    with pytest.raises(ValueError, match="window 3,3: give at least the network's stride, 4"):
        Segmenter(PointEngine(), window=3)


# Loading


@pytest.mark.parametrize("crf", [None, DenseCRF(iterations=1, threads=1)])
def test_labels_are_made_with_the_threads_of_the_segmenter(crf: DenseCRF | None) -> None:
    segmenter = Segmenter(PointEngine(), longest_side=40, crf=crf, threads=1)
    result = segmenter(ramp(50, 60))
    assert result.grid.threads == 1
    assert Segmenter(PointEngine(), crf=crf)(ramp(50, 60)).grid.threads is None


def test_threads_reach_network_and_labels(network_path: Path) -> None:
    assert Segmenter.load(network_path, threads=1).score(ramp(50, 60)).grid.threads == 1


@pytest.mark.parametrize(
    ("crf", "precision", "expected"),
    [
        ("resnet101", "auto", "half"),
        ("resnet101", "f32", "float32"),
        (DenseCRF(), "auto", "float32"),
    ],
)
def test_a_crf_named_by_a_word_is_as_precise_as_the_network(
    crf: Any, precision: Any, expected: str, network_path: Path
) -> None:
    segmenter = Segmenter.load(network_path, crf=crf, precision=precision, threads=1)
    assert segmenter.crf is not None
    assert segmenter.crf.precision == expected


def test_no_threads_at_all_are_refused() -> None:
    with pytest.raises(ValueError, match="threads 0"):
        Segmenter(PointEngine(), threads=0)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="weights 'voc12-heavy': neither a published name nor"):
        Segmenter.load("voc12-heavy")
