import pytest
from tests.data.annotation_files import coco, save_json, square

from deeplab.data import coco_tools
from deeplab.data.annotated import ReadOptions

ONE = {"segmentation": [square(0, 0, 4, 4)]}
CROWD = {"segmentation": {"size": [8, 10], "counts": [0, 80]}, "iscrowd": 1, "category_id": 2}


def names(annotations):
    return [one.class_name for one in annotations.pictures[0].regions]


def test_classes_are_in_the_order_of_ids(tmp_path):
    content = coco([ONE], categories={7: "zebra", 1: "yak", 3: "cat"})
    annotations = coco_tools.read(
        [save_json(tmp_path / "a.json", content)], tmp_path, ReadOptions()
    )
    assert annotations.class_names == ("yak", "cat", "zebra")
    assert annotations.pictures[0].split == "all"


def test_files_of_roboflow_are_splits_without_the_heading(tmp_path):
    categories = {0: "my-project", 1: "cat"}
    paths = [
        save_json(tmp_path / split / "_annotations.coco.json", coco([ONE], categories=categories))
        for split in ("train", "valid")
    ]
    annotations = coco_tools.read(paths, tmp_path, ReadOptions())
    assert [picture.split for picture in annotations.pictures] == ["train", "valid"]
    assert annotations.class_names == ("cat",)


def test_files_of_different_names_are_splits_by_these(tmp_path):
    paths = [save_json(tmp_path / f"{name}.json", coco([ONE])) for name in ("instances_a", "b")]
    annotations = coco_tools.read(paths, tmp_path, ReadOptions())
    assert [picture.split for picture in annotations.pictures] == ["a", "b"]


@pytest.mark.parametrize(
    ("crowds", "expected"),
    [("auto", [None, "cat"]), ("void", [None, "cat"]), ("objects", ["dog", "cat"])],
)
def test_crowds_are_void_or_objects(tmp_path, crowds, expected):
    path = save_json(tmp_path / "a.json", coco([ONE, CROWD]))
    annotations = coco_tools.read([path], tmp_path, ReadOptions(crowds=crowds))
    assert names(annotations) == expected
    assert annotations.notes[0].startswith("1 object marked iscrowd")


def test_where_most_are_crowds_they_are_masks_of_cvat(tmp_path):
    path = save_json(tmp_path / "a.json", coco([CROWD]))
    assert names(coco_tools.read([path], tmp_path, ReadOptions())) == ["dog"]


def test_boxes_and_thin_polygons_are_noted(tmp_path):
    box = {"segmentation": [], "bbox": [1, 1, 3, 3]}
    path = save_json(tmp_path / "a.json", coco([box, {"segmentation": [[1, 1, 2, 2]]}]))
    assert coco_tools.read([path], tmp_path, ReadOptions()).notes == (
        "1 polygon of fewer than 3 points left out",
        "1 object without an outline drawn as boxes",
    )
