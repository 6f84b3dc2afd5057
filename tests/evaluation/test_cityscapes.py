"""The reference is cityscapesscripts itself, run on the same files."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab.data import cityscapes_files as files
from deeplab.evaluation import CityscapesCounts, CityscapesScores, score_cityscapes_folders
from deeplab.labels import CITYSCAPES_LABELS

Array = NDArray[Any]
FRAMES = [f"aachen_00000{number}_000019" for number in range(3)]


def write_truth(folder: Path, frame: str, instances: Array) -> Path:
    city = folder / frame.partition("_")[0]
    city.mkdir(parents=True, exist_ok=True)
    instances = instances.astype(np.uint16)
    Image.fromarray(instances).save(city / f"{frame}_gtFine_instanceIds.png")
    path = city / f"{frame}_gtFine_labelIds.png"
    Image.fromarray(files.ids_of_instances(instances)).save(path)
    return path


def write_prediction(folder: Path, frame: str, label_ids: Array) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{frame}_leftImg8bit.png"
    Image.fromarray(label_ids.astype(np.uint8)).save(path)
    return path


def random_instances(random: np.random.Generator, size: tuple[int, int]) -> Array:
    """Blocks of label ids and objects; groups without instances too, as in the real files."""
    things = [1000 * label + number for label in range(24, 34) for number in (0, 1, 7)]
    blocks = random.choice([*range(34), *things], (size[0] // 2, size[1] // 2))
    return blocks.repeat(2, axis=0).repeat(2, axis=1)


def reference(
    predictions: list[Path], truths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Any]:
    evaluation = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    monkeypatch.setattr(np, "in1d", np.isin, raising=False)  # gone from numpy 2.4
    monkeypatch.setattr(evaluation.args, "quiet", True)
    monkeypatch.setattr(evaluation.args, "JSONOutput", False)
    result: dict[str, Any] = evaluation.evaluateImgLists(
        list(map(str, predictions)), list(map(str, truths)), evaluation.args
    )
    return result


def assert_same(ours: CityscapesScores, theirs: dict[str, Any]) -> None:
    for mine, key in (
        (ours.class_iou, "classScores"),
        (ours.class_iiou, "classInstScores"),
        (ours.category_iou, "categoryScores"),
        (ours.category_iiou, "categoryInstScores"),
    ):
        expected = {name: value for name, value in theirs[key].items() if not math.isnan(value)}
        assert {name: value for name, value in mine.items() if not math.isnan(value)} == expected
    means = ours.means()
    assert means["class_iou"] == theirs["averageScoreClasses"]
    assert means["class_iiou"] == theirs["averageScoreInstClasses"]
    assert means["category_iou"] == theirs["averageScoreCategories"]
    assert means["category_iiou"] == theirs["averageScoreInstCategories"]


@pytest.mark.filterwarnings("ignore")  # of cityscapesscripts
@pytest.mark.parametrize("seed", range(4))
def test_all_scores_are_those_of_cityscapesscripts(tmp_path, monkeypatch, seed):
    random = np.random.default_rng(seed)
    truths, predictions = [], []
    for frame in FRAMES:
        instances = random_instances(random, (24, 40))
        truths.append(write_truth(tmp_path / "gtFine", frame, instances))
        guess = files.ids_of_instances(instances.astype(np.uint16))
        is_wrong = random.random(guess.shape) < 0.3
        guess[is_wrong] = random.integers(0, 34, guess.shape)[is_wrong]  # unscored ids too
        predictions.append(write_prediction(tmp_path / "results", frame, guess))
    ours = score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")
    assert ours.num_pictures == len(FRAMES)
    assert len(ours.class_iou) == 19
    assert list(ours.category_iiou) == ["human", "vehicle"]
    assert not any(map(math.isnan, (*ours.class_iiou.values(), *ours.category_iou.values())))
    assert_same(ours, reference(predictions, truths, monkeypatch))


@pytest.mark.filterwarnings("ignore")  # of cityscapesscripts
def test_absent_classes_are_left_out_as_cityscapesscripts_does(tmp_path, monkeypatch):
    instances = np.full((4, 6), 7)
    instances[0], instances[1, 0], instances[2, :3] = 26001, 24000, 3
    truth = write_truth(tmp_path / "gtFine", FRAMES[0], instances)
    guess = np.full((4, 6), 7)
    guess[0, 2:], guess[3, 4] = 26, 33
    prediction = write_prediction(tmp_path / "results", FRAMES[0], guess)
    ours = score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")
    assert math.isnan(ours.class_iou["sky"])
    assert math.isnan(ours.category_iou["nature"])
    assert ours.class_iou["person"] == 0 == ours.class_iiou["bicycle"]
    assert math.isnan(ours.class_iiou["bus"])
    assert_same(ours, reference([prediction], [truth], monkeypatch))


@pytest.mark.filterwarnings("ignore")  # of cityscapesscripts
def test_real_label_maps_get_the_scores_of_cityscapesscripts(real_data, tmp_path, monkeypatch):
    root = real_data / "formats" / "cityscapes" / "gtFine" / "val"
    truths = sorted(root.rglob("*_gtFine_labelIds.png"))
    assert len(truths) == 4
    predictions = []
    for number, path in enumerate(truths):
        label_ids = files.read_label_ids(path)
        guess = np.roll(label_ids, 9 + 4 * number, axis=1)  # off by some pixels,
        guess[guess == 33] = 26  # bicycles taken for cars,
        guess[:, :200] = files.to_label_ids(files.to_classes(guess[:, :200]))
        predictions.append(write_prediction(tmp_path, path.name[:-20], guess))
    ours = score_cityscapes_folders(tmp_path, root)
    assert_same(ours, reference(predictions, truths, monkeypatch))
    assert 0.3 < ours.means()["class_iou"] < 0.9


def test_small_objects_count_as_much_as_large_ones():
    # A large car found and a small one missed: half of the pixels of two cars of average size.
    instances = np.full((4, 11), 26001, np.uint16)
    instances[0, 0] = 26000
    truth = files.ids_of_instances(instances)
    predicted = truth.copy()
    predicted[0, 0] = 25  # of another category
    counts = CityscapesCounts()
    counts.add(truth, predicted, picture_name="a", instances=instances)
    scores = counts.scores()
    assert scores.class_iou["car"] == 43 / 44
    assert scores.class_iiou["car"] == scores.category_iiou["vehicle"] == 0.5


def test_without_instance_ids_there_is_no_iiou():
    counts = CityscapesCounts()
    truth = np.full((2, 2), 26, np.uint8)
    counts.add(truth, truth, picture_name="a")
    scores = counts.scores()
    assert scores.class_iou["car"] == 1
    assert scores.class_iiou == scores.category_iiou == {}
    assert math.isnan(scores.means()["class_iiou"])


def test_json_has_the_names_of_cityscapesscripts_and_no_nan():
    counts = CityscapesCounts()
    truth = np.full((2, 2), 26, np.uint8)
    counts.add(truth, truth, picture_name="a", instances=truth.astype(np.uint16) * 1000 + 1)
    document = json.loads(counts.scores().to_json({"weights": "none"}))
    assert document["averageScoreClasses"] == document["mean_class_iou"] == 1
    assert document["averageScoreInstCategories"] == document["mean_category_iiou"] == 1
    assert document["class_iou"]["sky"] is None
    assert document["absent"] == "left out (NaN)"
    assert document["about"] == {"weights": "none"}


def test_wrong_arrays_are_refused_and_not_counted():
    counts = CityscapesCounts()
    truth = np.full((2, 3), 26, np.uint8)
    with pytest.raises(ValueError, match=r"a: the true label map is 3x2 .* predicted .* 3x1"):
        counts.add(truth, truth[:1], picture_name="a")
    with pytest.raises(ValueError, match=r"a, predicted label map: 255 .* look like train ids"):
        counts.add(truth, np.array([[0, 13, 255]] * 2, np.uint8), picture_name="a")
    with pytest.raises(ValueError, match="instance ids 3x1"):
        counts.add(truth, truth, picture_name="a", instances=np.zeros((1, 3), np.uint16))
    assert counts.num_pictures == counts.counts.sum() == 0
    counts.add(truth, truth, picture_name="a")
    counts.add(truth, truth, picture_name="b", instances=np.zeros((2, 3), np.uint16))
    with pytest.raises(ValueError, match="instance ids of 1 of 2 pictures; iIoU needs those of"):
        counts.scores()


def test_sums_of_two_parts_add_up_to_those_of_all():
    random = np.random.default_rng(0)
    both, parts = CityscapesCounts(), []
    for name in "ab":
        instances = random_instances(random, (24, 40)).astype(np.uint16)
        truth = files.ids_of_instances(instances)
        guess = np.roll(truth, 1, axis=0)
        parts.append(CityscapesCounts())
        for counts in (parts[-1], both):
            counts.add(truth, guess, picture_name=name, instances=instances)
    first, second = (part.state() for part in parts)
    again = CityscapesCounts()
    again.restore({key: first[key] + second[key] for key in first})
    means = again.scores().means()
    assert means == pytest.approx(both.scores().means(), rel=1e-12)  # another order of adding up
    assert again.num_pictures == 2


def test_folders_without_their_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="no label maps"):
        score_cityscapes_folders(tmp_path, tmp_path)
    ids = np.full((2, 2), 7)
    write_truth(tmp_path / "gtFine", FRAMES[0], ids)
    with pytest.raises(ValueError, match="no such folder"):
        score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")
    write_prediction(tmp_path / "results", FRAMES[1], ids)
    with pytest.raises(ValueError, match=f"no prediction for {FRAMES[0]}"):
        score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")
    write_prediction(tmp_path / "results", FRAMES[0], ids)
    write_prediction(tmp_path / "results" / "again", FRAMES[0], ids)
    with pytest.raises(ValueError, match=f"2 predictions .* for {FRAMES[0]}"):
        score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")


def test_the_average_sizes_are_those_of_the_classes_with_objects():
    evaluation = pytest.importorskip("cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling")
    from deeplab.evaluation.cityscapes import AVERAGE_SIZES

    scored = {label.name for label in CITYSCAPES_LABELS if label.is_scored and label.has_instances}
    assert AVERAGE_SIZES.keys() == scored
    assert all(evaluation.args.avgClassSize[name] == AVERAGE_SIZES[name] for name in scored)
