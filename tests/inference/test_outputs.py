import json
import typing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from deeplab.inference import Output, ScoreGrid, Segmentation, Segmenter
from deeplab.inference.outputs import OUTPUTS, VIDEO_OUTPUTS, file_names, write_folder
from deeplab.labels import named
from deeplab.network_card import NetworkCard

NAMES = ("background", "cat", "person", "dog")
EVERY: Any = tuple(OUTPUTS)


def _result(names: tuple[str, ...] = NAMES) -> Segmentation:
    """Four squares: background, cat, person and dog."""
    picture = np.random.default_rng(0).integers(1, 256, (12, 14, 3), dtype=np.uint8)
    labels = np.zeros((12, 14), np.intp)
    labels[:6, 7:], labels[6:, :7], labels[6:, 7:] = 1, 2, 3
    scores = np.where(np.arange(4)[:, None, None] == labels, 4, 0).astype(np.float32)
    card = NetworkCard("test", names, named(names).palette, 1, "", {})
    grid = ScoreGrid(scores, np.arange(12.0), np.arange(14.0))
    return Segmentation.from_scores(picture, grid, card)


def test_the_table_and_the_type_list_the_same_outputs() -> None:
    assert {*OUTPUTS, *VIDEO_OUTPUTS} == set(typing.get_args(Output))


def test_no_two_outputs_of_a_picture_have_one_name(tmp_path: Path) -> None:
    paths = _result().save(tmp_path / "a", outputs=EVERY)
    assert len(set(paths.values())) == len(EVERY)
    assert set(tmp_path.iterdir()) == set(paths.values())


def test_chosen_classes_are_all_that_any_output_shows(tmp_path: Path) -> None:
    result = _result()
    paths = result.save(tmp_path / "a", outputs=EVERY, classes=("cat", "dog"))
    kept = np.isin(result.labels, (1, 3))
    np.testing.assert_array_equal(np.asarray(Image.open(paths["mask"])), result.labels * kept)
    overlay = np.asarray(result.overlay(classes=("cat", "dog")))
    np.testing.assert_array_equal((overlay != result.picture).any(axis=2), kept)
    np.testing.assert_array_equal(np.asarray(Image.open(paths["cutout"]))[..., 3] > 0, kept)
    assert sorted(path.name for path in paths["cutouts"].iterdir()) == ["cat.png", "dog.png"]
    features = json.loads(paths["geojson"].read_text())["features"]
    assert [one["properties"]["class"] for one in features] == ["cat", "dog"]
    annotations = json.loads(paths["coco"].read_text())["annotations"]
    assert [one["category_id"] for one in annotations] == [1, 3]
    shapes = json.loads(paths["labelme"].read_text())["shapes"]
    assert {one["label"] for one in shapes} == {"cat", "dog"}
    with np.load(paths["probs"]) as saved:
        assert saved["class_names"].tolist() == ["cat", "dog"]
        expected = result.probabilities()[[1, 3]]
        np.testing.assert_allclose(saved["probabilities"], expected, atol=5e-4)  # float16


def test_without_a_background_other_classes_become_void(tmp_path: Path) -> None:
    result = _result(("road", "cat", "person", "dog"))
    mask = result.save(tmp_path / "a", outputs=("mask",), classes=("road",))["mask"]
    expected = np.where(result.labels == 0, 0, 255)
    np.testing.assert_array_equal(np.asarray(Image.open(mask)), expected)
    geojson = result.save(tmp_path / "a", outputs=("geojson",))["geojson"]
    assert len(json.loads(geojson.read_text())["features"]) == 4


def test_cutouts_are_those_of_each_class_by_itself(tmp_path: Path) -> None:
    result = _result()
    folder = result.save(tmp_path / "a", outputs=("cutouts",))["cutouts"]
    assert folder == tmp_path / "a.cutouts"
    assert sorted(path.stem for path in folder.iterdir()) == ["cat", "dog", "person"]
    person = np.asarray(Image.open(folder / "person.png"))
    np.testing.assert_array_equal(person, np.asarray(result.cutout(("person",))))


def test_annotations_name_the_picture_as_seen_from_their_folder(
    network_path: Path, tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    photo = tmp_path / "photos" / "red.png"
    Image.new("RGB", (9, 6), "#f00").save(photo)
    result = Segmenter.load(network_path)(photo)
    paths = result.save(tmp_path / "out" / "red", outputs=("coco", "labelme"))
    assert json.loads(paths["labelme"].read_text())["imagePath"] == "../photos/red.png"
    (picture,) = json.loads(paths["coco"].read_text())["images"]
    assert (picture["file_name"], picture["width"]) == ("../photos/red.png", 9)


def test_a_folder_is_replaced_whole_or_stays(tmp_path: Path) -> None:
    def fill(folder: Path) -> None:
        (folder / "new").touch()

    def fail(folder: Path) -> None:
        fill(folder)
        raise OSError("full")

    target = tmp_path / "folder"
    target.mkdir()
    (target / "old").touch()
    with pytest.raises(OSError, match="full"):
        write_folder(target, fail)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "old"]
    write_folder(target, fill)
    assert [path.name for path in tmp_path.rglob("*")] == ["folder", "new"]


def test_names_of_classes_become_names_of_files() -> None:
    assert file_names(("cat", "traffic light", "a/b", "a:b", "Cat", "..")) == (
        "cat-0",
        "traffic light",
        "a_b-2",
        "a_b-3",
        "Cat-4",
        "_",
    )


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"simplify_px": -1.0, "outputs": ("geojson",)}, "simplify -1: give pixels, 0"),
        ({"simplify_px": float("nan"), "outputs": ("geojson",)}, "simplify nan"),
        ({"simplify_px": 1.0}, "simplify 1 is of polygons: save 'geojson' or 'labelme' too"),
        ({"outputs": ("masks",)}, "output 'masks' is of videos; pictures have mask, overlay"),
        ({"classes": ("cta",)}, "unknown class 'cta': did you mean 'cat'"),
    ],
)
def test_wrong_wishes_are_refused(wishes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        _result().save(tmp_path / "a", **wishes)
    assert not list(tmp_path.iterdir())
