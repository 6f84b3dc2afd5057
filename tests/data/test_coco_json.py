import numpy as np
import pytest
from pycocotools import mask as coco_mask
from tests.data.annotation_files import SIZE, coco, coco_runs, save_json, square

from deeplab.data.coco_json import read_coco


def paint_all(path) -> np.ndarray:
    (picture,) = read_coco(path).pictures
    labels = np.zeros(picture.size, np.uint8)
    for instance in picture.instances:
        instance.paint(labels, 255 if instance.is_crowd else instance.category_id)
    return labels


def random_mask(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(SIZE) < 0.4


def test_polygons_and_both_kinds_of_run_lengths_give_the_same_mask(tmp_path):
    expected = np.zeros(SIZE, np.uint8)
    expected[2:5, 3:9] = 1
    plain = {"size": list(SIZE), "counts": coco_runs(expected)}
    packed = coco_mask.encode(np.asfortranarray(expected))["counts"].decode()
    for segmentation in (
        [square(3, 2, 9, 5)],
        plain,
        {"size": list(SIZE), "counts": packed},
    ):
        path = save_json(tmp_path / "a.json", coco([{"segmentation": segmentation}]))
        assert np.array_equal(paint_all(path), expected)


def test_a_mask_of_random_pixels_survives(tmp_path):
    mask = random_mask(0)
    runs = {"size": list(SIZE), "counts": coco_runs(mask)}
    path = save_json(tmp_path / "a.json", coco([{"segmentation": runs}]))
    assert np.array_equal(paint_all(path), mask)


def test_small_objects_stay_visible_and_crowds_lie_below(tmp_path):
    small = {"segmentation": [square(4, 4, 6, 6)], "category_id": 2}
    large = {"segmentation": [square(2, 2, 8, 8)]}
    everywhere = {"size": list(SIZE), "counts": [0, SIZE[0] * SIZE[1]]}
    crowd = {"segmentation": everywhere, "iscrowd": 1, "area": 1}
    path = save_json(tmp_path / "a.json", coco([small, large, crowd]))
    labels = paint_all(path)
    assert (labels == 2).sum() == 4
    assert (labels == 1).sum() == 32
    assert (labels == 255).sum() == 44


def test_thin_polygons_are_counted_and_left_out(tmp_path):
    thin = {"segmentation": [[1, 1, 5, 5], square(0, 0, 2, 2)]}  # pycocotools takes 4 for a box
    only_thin = {"segmentation": [[1, 1]]}
    file = read_coco(save_json(tmp_path / "a.json", coco([thin, only_thin])))
    assert file.num_thin == 2
    assert len(file.instances) == 1
    assert (paint_all(file.path) == 1).sum() == 4


def test_without_an_outline_the_box_counts(tmp_path):
    box = {"segmentation": [], "bbox": [1, 2, 3, 4]}
    path = save_json(tmp_path / "a.json", coco([box]))
    assert [one.is_box for one in read_coco(path).instances] == [True]
    assert paint_all(path)[2:6, 1:4].sum() == paint_all(path).sum() == 12


RUNS = {"size": list(SIZE), "counts": [80]}


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        ({"segmentation": [[1, 2, 3]]}, "3 numbers"),
        ({"segmentation": [["x", 2, 3, 4, 5, 6]]}, "a polygon is a list of numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, 1e999]]}, "holds Infinity"),
        ({"segmentation": "abc"}, "where a list"),
        ({"segmentation": {**RUNS, "size": [10, 8]}}, r"run lengths of size \[10, 8\]"),
        ({"segmentation": {**RUNS, "counts": [79]}}, "sum up to 79, not to 80"),
        ({"segmentation": {**RUNS, "counts": [81, -1]}}, "allowed is 0"),
        ({"segmentation": {**RUNS, "counts": "~~"}}, "does not belong"),
        ({"segmentation": {**RUNS, "counts": "o"}}, "cut short"),
        ({"segmentation": {"size": [8, 10]}}, "'counts' is missing"),
        ({"segmentation": [square(1, 1, 2, 2)], "category_id": 9}, "category_id 9 is not among"),
        ({"segmentation": [square(1, 1, 2, 2)], "image_id": 9}, "image_id 9 is not among"),
        ({}, "'segmentation' is missing"),
    ],
)
def test_wrong_annotations_are_named(tmp_path, annotation, message):
    path = save_json(tmp_path / "a.json", coco([annotation]))
    with pytest.raises(ValueError, match=message) as caught:
        read_coco(path)
    assert "a.json" in str(caught.value)


def test_a_polygon_far_out_of_the_picture_is_refused(tmp_path):
    path = save_json(tmp_path / "a.json", coco([{"segmentation": [square(500, 1, 600, 5)]}]))
    with pytest.raises(ValueError, match=r"annotation 1: a point .* far out of the picture"):
        paint_all(path)


def test_files_of_other_kinds_are_refused(tmp_path):
    for content, message in (
        ({"shapes": []}, "not COCO instances: the key 'images' is missing"),
        ([1], "where an object"),
        ({**coco([]), "categories": []}, "categories is empty"),
        ({**coco([]), "images": [{"id": 1, "file_name": "a"}]}, "'height' is missing"),
        ({**coco([]), "images": [{"id": 1}]}, "'file_name' is missing"),
        ({**coco([]), "images": coco([])["images"] * 2}, "twice"),
    ):
        with pytest.raises(ValueError, match=message):
            read_coco(save_json(tmp_path / "a.json", content))


def test_masks_are_those_of_pycocotools_on_real_annotations(real_data):
    import json

    path = real_data / "formats" / "coco" / "annotations" / "instances_val2017.json"
    file = read_coco(path)
    sizes = {image["id"]: image for image in json.loads(path.read_text())["images"]}
    expected = []
    for one in json.loads(path.read_text())["annotations"]:
        height, width = (sizes[one["image_id"]][key] for key in ("height", "width"))
        runs = coco_mask.frPyObjects(one["segmentation"], height, width)
        runs = coco_mask.merge(runs) if isinstance(runs, list) else runs
        expected.append(int(coco_mask.area(runs)))
    found = []
    for picture in file.pictures:
        for instance in picture.instances:
            labels = np.zeros(picture.size, np.uint8)
            instance.paint(labels, 1)
            found.append(int(labels.sum()))
    assert sorted(found) == sorted(expected)
