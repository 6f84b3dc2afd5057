from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.export import read_check_pictures
from deeplab.export.agreement import EXACT, HALF, compare
from deeplab.inference import Engine
from deeplab.labels import named
from deeplab.network_card import NetworkCard

EXAMPLES = Path(__file__).parents[2] / "examples"


class PixelEngine(Engine):
    """Scores a pixel by its red, green and blue; then whatever `change` does to the scores."""

    card = NetworkCard("pixels", ("r", "g", "b"), named(("r", "g", "b")).palette, 1, "", {})

    def __init__(self, change=lambda scores: scores):
        self.change = change
        self.shapes = []

    def class_scores(self, pictures):
        self.shapes.append(pictures.shape)
        return self.change(pictures.transpose(0, 3, 1, 2).astype(np.float32))


def changed(change, *, tolerance=EXACT):
    return compare(PixelEngine(change), PixelEngine(), read_check_pictures(), tolerance=tolerance)


def test_equal_engines_agree_entirely():
    agreement = changed(lambda scores: scores.copy())
    assert agreement.largest_difference == 0
    assert agreement.same_labels == 1


def test_engines_that_score_nothing_agree():
    nothing = PixelEngine(np.zeros_like)
    assert compare(nothing, nothing, read_check_pictures()).largest_difference == 0


def test_pictures_are_scored_at_several_odd_sizes_and_in_a_batch():
    engine = PixelEngine()
    agreement = compare(engine, PixelEngine(), read_check_pictures())
    sizes = {shape[1:3] for shape in engine.shapes}
    assert agreement.num_sizes == len(sizes) >= 5
    assert {side % 2 for size in sizes for side in size} == {0, 1}
    assert max(shape[0] for shape in engine.shapes) == 2


def test_a_picture_of_one_pixel_can_be_checked_on():
    engine = PixelEngine()
    assert compare(engine, PixelEngine(), [np.full((1, 1, 3), 9, np.uint8)]).num_sizes == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: scores * 1.01,
        lambda scores: np.roll(scores, 1, axis=2),
        lambda scores: scores[:, ::-1],
        lambda scores: np.where(scores == scores.max(), np.nan, scores),
    ],
    ids=["scaled", "shifted", "channels swapped", "not a number"],
)
def test_a_graph_that_scores_otherwise_is_refused_with_the_difference(change):
    with pytest.raises(ValueError, match=r"differ .* by (nan|[\d.e-]+) of .* on a picture of \d+x"):
        changed(change)


def test_another_score_grid_is_refused():
    with pytest.raises(ValueError, match=r"shape \(1, 3, 511, 512\), the network \(1, 3, 512, 512"):
        changed(lambda scores: scores[:, :, 1:])


def test_rounding_passes_in_half_precision_only():
    def round_down(scores):
        return scores * np.float32(0.99)

    assert changed(round_down, tolerance=HALF).largest_difference == pytest.approx(0.01, rel=0.01)
    with pytest.raises(ValueError, match=r"allowed: 0\.001"):
        changed(round_down)


def test_labels_that_turn_in_half_precision_are_refused():
    def add_to_blue(scores):  # less than the difference allowed, but enough to win near ties
        return scores + np.array([-8, -8, 8], np.float32)[:, None, None]

    with pytest.raises(ValueError, match=r"only \d+\.\d% of .* labels .* export without half"):
        changed(add_to_blue, tolerance=HALF)


def test_the_packaged_pictures_are_the_example_photos():
    packaged = Path(__file__).parents[2] / "src" / "deeplab" / "export" / "pictures"
    names = sorted(path.name for path in packaged.iterdir())
    assert names == ["astronaut.jpg", "cat.jpg"]
    for name in names:
        assert (packaged / name).read_bytes() == (EXAMPLES / name).read_bytes()


def test_at_most_eight_pictures_are_taken_spread_over_the_folder(tmp_path):
    for grey in range(20):
        Image.new("RGB", (4, 4), (grey * 10,) * 3).save(tmp_path / f"p{grey:02}.PNG")
    (tmp_path / "notes.txt").write_text("no picture")
    greys = [int(picture[0, 0, 0]) for picture in read_check_pictures(tmp_path)]
    assert greys == [0, 30, 60, 90, 120, 150, 180]


def test_a_folder_without_pictures_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no picture"):
        read_check_pictures(tmp_path)


def test_a_missing_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no such folder"):
        read_check_pictures(tmp_path / "nowhere")


@pytest.mark.parametrize("num_bands", [1, 5])
def test_our_photos_stand_in_for_pictures_of_other_bands(num_bands):
    for photo, other in zip(
        read_check_pictures(), read_check_pictures(num_bands=num_bands), strict=True
    ):
        assert other.shape == (*photo.shape[:2], num_bands)
        assert all(
            np.array_equal(other[..., band], photo[..., band % 3]) for band in range(num_bands)
        )
