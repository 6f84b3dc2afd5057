import dataclasses
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.crf import DenseCRF
from deeplab.data import open_split
from deeplab.evaluation import (
    ConfusionMatrix,
    Keep,
    MaskFolder,
    Trimap,
    evaluate,
    evaluate_closely,
)
from deeplab.evaluation.measure import PictureResult
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


def noisy_samples(root, count=9):
    """Blocks of the three colours under noise, a void border between them, and some all void."""
    rng = np.random.default_rng(0)
    for number in range(count):
        labels = np.kron(rng.integers(0, 3, (2, 3)), np.ones((12, 10), int)).astype(np.uint8)
        picture = np.array([BLACK, RED, GREEN])[labels] * rng.random((24, 30, 1))
        labels[11:13] = 255
        write_sample(
            root, f"p{number}", picture, np.full_like(labels, 255) if number == 4 else labels
        )
    return open_split(root, "val")


@pytest.fixture
def refining(network_path) -> Segmenter:
    """The network with a CRF that changes something."""
    crf = DenseCRF.preset("resnet101")
    return Segmenter.load(network_path, crf=crf, threads=1)


def test_every_picture_has_its_own_scores_in_the_order_of_the_data(segmenter, tmp_path):
    data = noisy_samples(tmp_path)
    found = evaluate_closely(segmenter, data)
    assert [one.name for one in found.pictures] == [sample.name for sample in data.samples]
    for one, sample in zip(found.pictures, data.samples, strict=True):
        matrix = ConfusionMatrix(data.label_set.class_names)
        truth = sample.read_labels(3)
        matrix.add(truth, segmenter(sample.picture_path).labels, picture_name="")
        np.testing.assert_array_equal(one.confusion(), matrix.counts)
        assert (one.picture_path, one.label_path) == (sample.picture_path, sample.label_path)
    assert found.pictures[4].mean_iou is None
    assert sum(one.confusion() for one in found.pictures).tolist() == [
        list(row) for row in found.scores.confusion
    ]


def test_the_trimap_is_measured_with_and_without_the_crf(refining, tmp_path):
    data = noisy_samples(tmp_path)
    found = evaluate_closely(refining, data, measures=["trimap"])
    curves = [Trimap(3), Trimap(3)]
    for sample in data.samples:
        result, truth = refining(sample.picture_path), sample.read_labels(3)
        for curve, one in zip(curves, (result, result.without_crf()), strict=True):
            curve.add(PictureResult("p", truth, one.labels))
    assert found.trimap == curves[0].result()
    assert found.without_crf.trimap == curves[1].result()
    assert found.trimap != found.without_crf.trimap


@pytest.mark.parametrize("workers", [2, 3])
def test_any_number_of_workers_gives_the_same_record(workers, refining, tmp_path):
    data = noisy_samples(tmp_path)
    alone = evaluate_closely(refining, data, measures=["trimap"])
    assert evaluate_closely(refining, data, measures=["trimap"], workers=workers) == alone


class Interrupted(BaseException):
    """As Ctrl-C is: not an Exception."""


@pytest.mark.parametrize("error", [RuntimeError, Interrupted])
@pytest.mark.parametrize("workers", [1, 2])
def test_an_interrupted_evaluation_goes_on_to_the_very_same_record(
    error, workers, refining, tmp_path
):
    data, path, seen = noisy_samples(tmp_path), tmp_path / "counts.npz", []

    def stop(done, total):
        seen.append(done)
        if done == 5:
            raise error

    def run(progress, keep):
        return evaluate_closely(
            refining, data, measures=["trimap"], workers=workers, keep=keep, progress=progress
        )

    with pytest.raises(error):
        run(stop, Keep(path, {}))
    resumed = run(lambda done, total: seen.append(done), Keep(path, {}))
    assert seen == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert resumed == run(lambda done, total: None, None)


def test_what_was_not_written_when_all_stopped_is_counted_again(segmenter, tmp_path):
    data, path, kept = noisy_samples(tmp_path), tmp_path / "counts.npz", tmp_path / "kept.npz"

    def take(done, total):
        if done == 3:
            kept.write_bytes(path.read_bytes())

    whole = evaluate_closely(segmenter, data, keep=Keep(path, {}, every_s=0), progress=take)
    seen = []
    resumed = evaluate_closely(
        segmenter, data, keep=Keep(kept, {}), progress=lambda done, total: seen.append(done)
    )
    assert seen[0] == 4
    assert resumed == whole


def test_a_finished_evaluation_is_read_from_its_file(segmenter, tmp_path):
    data, path, seen = noisy_samples(tmp_path), tmp_path / "counts.npz", []
    whole = evaluate_closely(segmenter, data, keep=Keep(path, {}))
    again = evaluate_closely(segmenter, data, keep=Keep(path, {}), progress=seen.append)
    assert (again, seen) == (whole, [])


def test_label_maps_in_files_score_as_the_network_that_made_them(segmenter, tmp_path):
    data = noisy_samples(tmp_path)
    for sample in data.samples:
        segmenter(sample.picture_path).save(tmp_path / "out" / sample.name, outputs=["mask"])
    by_files = evaluate_closely(MaskFolder(tmp_path / "out"), data, measures=["trimap"])
    assert by_files == evaluate_closely(segmenter, data, measures=["trimap"])


def test_the_convention_reaches_the_means(segmenter, tmp_path):
    solid_samples(tmp_path, [(BLACK, 0), (RED, 1)])
    data = open_split(tmp_path, "val")
    assert evaluate_closely(segmenter, data).scores.mean_iou == pytest.approx(2 / 3)
    assert evaluate_closely(segmenter, data, convention="present").scores.mean_iou == 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"measures": ["trimaps"]}, "measure 'trimaps': known are "),
        ({"convention": "voc"}, "convention 'voc'"),
    ],
)
def test_words_that_mean_nothing_are_refused(settings, message, segmenter, tmp_path):
    solid_samples(tmp_path, [(RED, 1)])
    with pytest.raises(ValueError, match=message):
        evaluate_closely(segmenter, open_split(tmp_path, "val"), **settings)


def test_a_split_without_label_maps_is_refused_before_any_picture_is_scored(segmenter, tmp_path):
    solid_samples(tmp_path, [(RED, 1), (GREEN, 2)])
    data = open_split(tmp_path, "val")
    samples = (data.samples[0], dataclasses.replace(data.samples[1], label_path=None))
    with pytest.raises(ValueError, match=r"p001\.png: this picture has no label map"):
        evaluate(segmenter, dataclasses.replace(data, samples=samples))
