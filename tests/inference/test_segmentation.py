from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.inference import ScoreGrid, Segmentation
from deeplab.labels import named
from deeplab.network_card import NetworkCard

Array = NDArray[Any]

SIZE = (70, 45)  # more rows than are upsampled at a time
STRIDE = 8
NAMES = ("background", "cat", "person", "dog")
CARD = NetworkCard("test", NAMES, named(NAMES).palette, STRIDE, "", {})


@pytest.fixture
def scores() -> NDArray[np.float32]:
    """Scores of four classes on the grid of a picture of `SIZE`; the last class never wins."""
    scores = np.random.default_rng(0).normal(scale=3, size=(4, 9, 6)).astype(np.float32)
    scores[3] = -20
    return scores


@pytest.fixture
def result(scores: NDArray[np.float32]) -> Segmentation:
    picture = np.random.default_rng(1).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    return Segmentation.from_scores(picture, _grid(scores), CARD)


@pytest.fixture
def upsampled(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """All scores at the size of the picture, in one piece."""
    grid = _grid(scores)
    return imaging.sample_scores(scores, grid.rows, grid.columns)


def _grid(scores: NDArray[np.float32]) -> ScoreGrid:
    height, width = SIZE
    return ScoreGrid(scores, np.arange(height) / STRIDE, np.arange(width) / STRIDE)


def _softmax(scores: Array) -> Array:
    exponentials = np.exp(scores.astype(np.float64))
    return np.asarray(exponentials / exponentials.sum(axis=0))


def test_labels_are_the_argmax_of_the_upsampled_scores(
    result: Segmentation, upsampled: Array
) -> None:
    assert result.labels.dtype == np.uint8
    np.testing.assert_array_equal(result.labels, upsampled.argmax(axis=0))


def test_the_first_of_equal_scores_wins() -> None:
    scores = np.zeros((4, 9, 6), np.float32)
    picture = np.zeros((*SIZE, 3), np.uint8)
    assert not Segmentation.from_scores(picture, _grid(scores), CARD).labels.any()


def test_confidence_is_the_probability_of_the_label(result: Segmentation) -> None:
    np.testing.assert_allclose(
        result.confidence,
        result.probabilities().max(axis=0),
        rtol=1e-5,  # float32
    )


def test_probabilities_are_the_softmax_of_the_upsampled_scores(
    result: Segmentation, upsampled: Array
) -> None:
    np.testing.assert_allclose(result.probabilities(), _softmax(upsampled), atol=1e-6)  # float32


def test_large_scores_do_not_overflow(scores: NDArray[np.float32]) -> None:
    picture = np.zeros((*SIZE, 3), np.uint8)
    result = Segmentation.from_scores(picture, _grid(scores + 1000), CARD)
    assert np.isfinite(result.probabilities()).all()
    assert np.isfinite(result.confidence).all()


def test_arrays_of_a_result_cannot_be_changed(result: Segmentation) -> None:
    with pytest.raises(ValueError, match="read-only"):
        result.labels[0, 0] = 1
    with pytest.raises(AttributeError):
        result.labels = result.labels.copy()  # type: ignore[misc]


def test_found_counts_every_pixel_once(result: Segmentation) -> None:
    found = result.found()
    assert [one.share for one in found] == sorted((one.share for one in found), reverse=True)
    assert {one.name for one in found} == {"background", "cat", "person"}
    for one in found:
        pixels = result.labels == one.label
        assert one.name == NAMES[one.label]
        assert one.share == pixels.mean()
        assert one.confidence == pytest.approx(result.confidence[pixels].mean())


# Files


def test_a_prefix_names_the_files(result: Segmentation, tmp_path: Path) -> None:
    paths = result.save(tmp_path / "new" / "cat.v2", outputs=("mask", "overlay", "probs", "cutout"))
    assert {kind: path.name for kind, path in paths.items()} == {
        "mask": "cat.v2.mask.png",
        "overlay": "cat.v2.overlay.jpg",
        "probs": "cat.v2.probs.npz",
        "cutout": "cat.v2.cutout.png",
    }
    assert set((tmp_path / "new").iterdir()) == set(paths.values())


def test_mask_and_overlay_are_saved_unless_told_otherwise(
    result: Segmentation, tmp_path: Path
) -> None:
    assert list(result.save(str(tmp_path / "cat"))) == ["mask", "overlay"]


def test_the_saved_mask_is_an_indexed_png_with_the_voc_palette(
    result: Segmentation, tmp_path: Path
) -> None:
    path = result.save(tmp_path / "cat")["mask"]
    with Image.open(path) as mask:
        assert (mask.format, mask.mode) == ("PNG", "P")
        assert mask.getpalette()[:9] == [0, 0, 0, 128, 0, 0, 0, 128, 0]  # type: ignore[index]
        np.testing.assert_array_equal(np.asarray(mask), result.labels)


def test_the_saved_overlay_is_the_drawn_one(result: Segmentation, tmp_path: Path) -> None:
    path = result.save(tmp_path / "cat")["overlay"]
    with Image.open(path) as saved:
        assert saved.format == "JPEG"
        difference = np.asarray(saved).astype(float) - np.asarray(result.overlay())
    assert np.abs(difference.mean()) < 2  # JPEG blurs the noise but keeps the mean


def test_saved_probabilities_are_the_computed_ones(result: Segmentation, tmp_path: Path) -> None:
    path = result.save(tmp_path / "cat", outputs=("probs",))["probs"]
    with np.load(path) as saved:
        assert saved["class_names"].tolist() == list(NAMES)
        assert saved["probabilities"].dtype == np.float16
        np.testing.assert_allclose(
            saved["probabilities"],
            result.probabilities(),
            atol=5e-4,
            rtol=0,  # float16 near 1
        )


def test_the_cutout_keeps_everything_but_the_background(result: Segmentation) -> None:
    rgba = np.asarray(result.cutout())
    np.testing.assert_array_equal(rgba[..., 3] == 255, result.labels > 0)


def test_the_cutout_keeps_the_classes_asked_for(result: Segmentation, tmp_path: Path) -> None:
    paths = result.save(tmp_path / "cat", outputs=("cutout",), classes=("background", "person"))
    with Image.open(paths["cutout"]) as saved:
        rgba = np.asarray(saved)
    kept = np.isin(result.labels, (0, 2))
    np.testing.assert_array_equal(rgba[..., 3], kept * 255)
    np.testing.assert_array_equal(rgba[kept, :3], result.picture[kept])


@pytest.mark.parametrize(
    ("outputs", "classes", "message"),
    [
        (("maks",), (), r"unknown output 'maks': did you mean 'mask'\? outputs are mask, overlay"),
        ((), (), "nothing to save"),
        (("mask",), ("cta",), "unknown class 'cta': did you mean 'cat'"),
        (("cutout",), ("cta",), "unknown class 'cta': did you mean 'cat'"),
    ],
)
def test_wrong_wishes_are_refused_before_anything_is_written(
    outputs: Any, classes: tuple[str, ...], message: str, result: Segmentation, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        result.save(tmp_path / "new" / "cat", outputs=outputs, classes=classes)
    assert not list(tmp_path.iterdir())
