import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.data import open_split
from deeplab.evaluation import evaluate
from deeplab.inference import Segmenter

BLACK, RED, GREEN = (0, 0, 0), (255, 0, 0), (0, 255, 0)


def write_sample(root: Path, name: str, picture, labels) -> None:
    """Store one picture and its label map in the folder pair layout."""
    for folder in ("images", "masks"):
        (root / folder / "val").mkdir(parents=True, exist_ok=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    Image.fromarray(np.asarray(picture, np.uint8)).save(root / "images" / "val" / f"{name}.png")
    Image.fromarray(np.asarray(labels, np.uint8)).save(root / "masks" / "val" / f"{name}.png")


def solid(colour, size=(8, 12)):
    return np.broadcast_to(np.array(colour, np.uint8), (*size, 3))


def solid_samples(root: Path, labels_of_colours) -> None:
    for position, (colour, label) in enumerate(labels_of_colours):
        write_sample(root, f"p{position:03}", solid(colour), np.full((8, 12), label))


@pytest.fixture
def segmenter(network_path) -> Segmenter:
    return Segmenter.load(network_path)


def test_a_network_scored_against_its_own_label_maps_is_perfect(segmenter, tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        corners = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        picture = np.asarray(Image.fromarray(corners).resize((37, 29)))
        write_sample(tmp_path, name, picture, segmenter(picture).labels)
    scores = evaluate(segmenter, open_split(tmp_path, "val"))
    assert scores.pixel_accuracy == 1
    assert {scores.class_iou[row] for row in range(3) if sum(scores.confusion[row])} == {1.0}


def test_every_mistaken_pixel_is_in_the_confusion_matrix(segmenter, tmp_path):
    solid_samples(tmp_path, [(BLACK, 0), (RED, 1), (GREEN, 2), (RED, 2), (GREEN, 255)])
    scores = evaluate(segmenter, open_split(tmp_path, "val"))
    area = 8 * 12
    assert scores.confusion == ((area, 0, 0), (0, area, 0), (0, area, area))
    assert scores.num_pictures == 5


def test_scales_and_flip_are_those_of_the_segmenter(network_path, tmp_path):
    picture = np.zeros((33, 33, 3), np.uint8)
    picture[:, 16:18] = (
        RED  # thin, right of the middle: other scales and the mirror see it elsewhere
    )
    plain, other = (
        Segmenter.load(network_path),
        Segmenter.load(network_path, scales=(0.5, 1), flip=True),
    )
    assert (plain(picture).labels != other(picture).labels).any()
    write_sample(tmp_path, "a", picture, other(picture).labels)
    data = open_split(tmp_path, "val")
    assert evaluate(other, data).pixel_accuracy == 1
    assert evaluate(plain, data).pixel_accuracy < 1


def test_limit_spreads_over_the_whole_list(segmenter, tmp_path):
    solid_samples(tmp_path, [(BLACK, 0)] * 4 + [(RED, 1)] * 4 + [(GREEN, 2)])
    scores = evaluate(segmenter, open_split(tmp_path, "val"), limit=3)
    assert scores.num_pictures == 3
    assert scores.absent_classes == ()


def test_a_limit_beyond_the_list_scores_each_picture_once(segmenter, tmp_path):
    solid_samples(tmp_path, [(BLACK, 0), (RED, 1)])
    assert evaluate(segmenter, open_split(tmp_path, "val"), limit=99).num_pictures == 2


def test_progress_counts_every_picture(segmenter, tmp_path):
    solid_samples(tmp_path, [(BLACK, 0)] * 3)
    told = []
    evaluate(
        segmenter,
        open_split(tmp_path, "val"),
        progress=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_memory_does_not_grow_with_the_number_of_pictures(segmenter, tmp_path):
    size = (64, 96)
    for name in range(60):
        write_sample(tmp_path, f"p{name}", solid(RED, size), np.full(size, 1))
    data = open_split(tmp_path, "val")

    def peak_bytes(limit):
        tracemalloc.start()
        evaluate(segmenter, data, limit=limit)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    peak_bytes(2)  # imports and caches of the first pictures
    few, many = peak_bytes(3), peak_bytes(60)
    assert many < few + 57 * size[0] * size[1] / 2  # half a byte for each further pixel


def test_a_label_map_of_another_size_than_its_picture_is_named(segmenter, tmp_path):
    write_sample(tmp_path, "good", solid(RED), np.full((8, 12), 1))
    write_sample(tmp_path, "short", solid(RED), np.full((8, 11), 1))
    with pytest.raises(ValueError, match=r"short\.png .* is 11x8 pixels, the predicted one 12x8"):
        evaluate(segmenter, open_split(tmp_path, "val"))


def test_a_label_that_is_no_class_is_named_with_its_file(segmenter, tmp_path):
    write_sample(tmp_path, "odd", solid(RED), np.full((8, 12), 7))
    with pytest.raises(ValueError, match=r"odd\.png: .*7.* 3 classes"):
        evaluate(segmenter, open_split(tmp_path, "val"))


def test_a_data_set_of_other_classes_is_refused_before_any_picture_is_scored(segmenter, tmp_path):
    solid_samples(tmp_path, [(RED, 1)])
    (tmp_path / "classes.txt").write_text("background\ncat\ncyclist\nroad\n")
    message = r"only the network has person; only the data set has cyclist, road"
    with pytest.raises(ValueError, match=message):
        evaluate(segmenter, open_split(tmp_path, "val"))


def test_the_same_classes_in_another_order_are_refused(segmenter, tmp_path):
    solid_samples(tmp_path, [(RED, 1)])
    (tmp_path / "classes.txt").write_text("background\nperson\ncat\n")
    with pytest.raises(ValueError, match="the same names in another order"):
        evaluate(segmenter, open_split(tmp_path, "val"))


def test_a_limit_below_one_is_refused(segmenter, tmp_path):
    solid_samples(tmp_path, [(RED, 1)])
    with pytest.raises(ValueError, match="limit 0"):
        evaluate(segmenter, open_split(tmp_path, "val"), limit=0)
