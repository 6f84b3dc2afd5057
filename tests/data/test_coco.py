import json

import numpy as np
import pytest
from PIL import Image
from tests.data.annotation_files import coco, read, save_json, save_picture, square

from deeplab.data import open_split
from deeplab.data.coco import prepare_coco91, prepare_coco_voc20
from deeplab.data.prepare import prepare
from deeplab.data.prepared import Options
from deeplab.labels import COCO91

CATEGORIES = {number: name for number, name in enumerate(COCO91.class_names) if number}
CATEGORIES = {number: name for number, name in CATEGORIES.items() if "unused" not in name}
PERSON = {"segmentation": [square(0, 0, 4, 4)]}
COUCH = {"segmentation": [square(4, 4, 8, 8)], "category_id": 63}
PIZZA = {"segmentation": [square(8, 0, 10, 2)], "category_id": 59}


@pytest.fixture
def source(tmp_path):
    """`train2017` with a (person, couch, pizza) and b (pizza alone); `val2017` with c (a crowd)."""
    folder = tmp_path / "official"
    for name in ("train2017/a.jpg", "train2017/b.jpg", "val2017/c.jpg"):
        save_picture(folder / name)
    crowd = {"segmentation": {"size": [8, 10], "counts": [0, 80]}, "iscrowd": 1}
    train = [PERSON, COUCH, PIZZA, {**PIZZA, "image_id": 2}]
    for split, content in (
        ("train2017", coco(train, names=("a.jpg", "b.jpg"), categories=CATEGORIES)),
        ("val2017", coco([crowd, COUCH], names=("c.jpg",), categories=CATEGORIES)),
    ):
        save_json(folder / "annotations" / f"instances_{split}.json", content)
    return folder


def test_labels_are_category_ids(source, tmp_path):
    prepared = prepare_coco91(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2, "val": 1}
    labels = read(tmp_path / "to" / "masks" / "a.png")
    expected = np.zeros((8, 10), np.uint8)
    expected[:4, :4], expected[4:, 4:8], expected[:2, 8:] = 1, 63, 59
    assert np.array_equal(labels, expected)


def test_only_the_kinds_of_voc_are_kept_under_their_names(source, tmp_path):
    prepare_coco_voc20(source, tmp_path / "to", Options())
    assert set(np.unique(read(tmp_path / "to" / "masks" / "a.png"))) == {0, 15, 18}
    assert not read(tmp_path / "to" / "masks" / "b.png").any()


def test_crowds_are_void_below_what_is_outlined_by_itself(source, tmp_path):
    for make in (prepare_coco91, prepare_coco_voc20):
        make(source, tmp_path / make.__name__, Options())
        labels = read(tmp_path / make.__name__ / "masks" / "c.png")
        assert (labels == 255).sum() == 80 - 16
        assert set(np.unique(labels)) - {255} <= {18, 63}


def test_pictures_without_objects_are_left_out_if_wanted(source, tmp_path):
    prepared = prepare("coco-voc20", source, tmp_path / "to", Options(skip_empty=True))
    assert prepared.counts == {"train": 1, "val": 1}
    assert (tmp_path / "to" / "train.txt").read_text() == "a\n"
    assert prepared.lacking == ("train: 2 of 118287 pictures", "val: 1 of 5000 pictures")


def test_the_prepared_set_can_be_opened_and_a_second_time_nothing_is_written(source, tmp_path):
    first = prepare("coco91", source, tmp_path / "to", Options())
    data = open_split(tmp_path / "to", "train")
    assert [sample.name for sample in data.samples] == ["a", "b"]
    assert data.label_set == COCO91
    assert data.samples[0].read_labels(91)[0, 0] == 1
    second = prepare("coco91", source, tmp_path / "to", Options())
    assert (second.written.num_changed, second.written.label_hash) == (
        0,
        first.written.label_hash,
    )


def test_pictures_that_are_not_there_make_it_partial(source, tmp_path):
    (source / "train2017" / "b.jpg").unlink()
    prepared = prepare_coco91(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 1, "val": 1}
    assert "train: 1 of 118287 pictures" in prepared.lacking


def test_no_picture_or_no_annotations_at_all_are_errors(source, tmp_path):
    for path in source.rglob("*.jpg"):
        path.unlink()
    with pytest.raises(ValueError, match="none of the annotated pictures is below it"):
        prepare_coco91(source, tmp_path / "to", Options())
    for path in source.rglob("*.json"):
        path.unlink()
    with pytest.raises(ValueError, match=r"no instances_train2017\.json"):
        prepare_coco91(source, tmp_path / "to", Options())


def test_a_picture_of_another_size_is_an_error(source, tmp_path):
    save_picture(source / "val2017" / "c.jpg", (9, 9))
    with pytest.raises(ValueError, match="c: the label map is 10x8 pixels but its picture"):
        prepare_coco91(source, tmp_path / "to", Options())


def test_categories_of_others_and_boxes_are_refused(source, tmp_path):
    path = source / "annotations" / "instances_val2017.json"
    content = json.loads(path.read_text())
    content["annotations"][1] |= {"segmentation": [], "bbox": [1, 1, 2, 2]}
    save_json(path, content)
    with pytest.raises(ValueError, match="1 objects have a box but no segmentation"):
        prepare_coco91(source, tmp_path / "to", Options())
    save_json(path, coco([], names=("c.jpg",)))
    with pytest.raises(ValueError, match="category 1 is called 'cat', but MS COCO's is 'person'"):
        prepare_coco91(source, tmp_path / "to", Options())


def test_ten_of_the_91_ids_are_placeholders():
    unused = [label for label, name in enumerate(COCO91.class_names) if name.startswith("unused")]
    assert len(COCO91.class_names) == 91
    assert unused == [12, 26, 29, 30, 45, 66, 68, 69, 71, 83]
    assert all(str(label) in COCO91.class_names[label] for label in unused)


def test_real_annotations_have_the_published_ids(real_data):
    path = real_data / "formats" / "coco" / "annotations" / "instances_val2017.json"
    categories = json.loads(path.read_text())["categories"]
    assert {one["id"]: one["name"] for one in categories} == CATEGORIES


def test_real_label_maps_agree_with_those_that_others_made(real_data, tmp_path):
    prepare_coco_voc20(real_data / "formats" / "coco", tmp_path / "to", Options())
    num_compared = num_pixels = num_different = 0
    for path in (tmp_path / "to" / "masks").iterdir():
        other = real_data / "coco_voc20" / "SegmentationClass" / path.name
        if other.is_file():
            theirs = read(other)  # shrunk to 500 pixels, and drawn by another library
            ours = Image.open(path).resize(theirs.shape[::-1], Image.Resampling.NEAREST)
            num_different += int((np.asarray(ours) != theirs).sum())
            num_pixels += theirs.size
            num_compared += 1
    assert num_compared == 7
    assert num_different < 0.01 * num_pixels  # borders; the wrong order of crowds alone is 5 %
