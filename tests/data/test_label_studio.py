import numpy as np
import pytest
from tests.data.annotation_files import SIZE, brush, label_studio_task, save_json

from deeplab.data import label_studio
from deeplab.data.annotated import Annotations, ReadOptions

SQUARE = [[20, 25], [60, 25], [60, 75], [20, 75]]  # per cent: columns 2..6, rows 2..6
POLYGON = {"type": "polygonlabels", "value": {"points": SQUARE, "polygonlabels": ["cat"]}}
BOX = {
    "type": "rectanglelabels",
    "value": {
        "x": 20,
        "y": 25,
        "width": 40,
        "height": 50,
        "rotation": 0,
        "rectanglelabels": ["cat"],
    },
}


def read(tmp_path, content) -> Annotations:
    path = save_json(tmp_path / "export.json", content)
    return label_studio.read([path], tmp_path, ReadOptions())


def paint(annotations: Annotations, shape=SIZE) -> np.ndarray:
    labels = np.zeros(shape, np.uint8)
    for region in annotations.pictures[0].regions:
        region.paint(labels, 1 + annotations.class_names.index(region.class_name))
    return labels


def with_value(result, **changes):
    return {**result, "value": {**result["value"], **changes}}


def test_polygons_rectangles_and_brushes_of_the_same_pixels_are_the_same(tmp_path):
    mask = np.zeros(SIZE, bool)
    mask[2:6, 2:6] = True
    value = {"format": "rle", "rle": brush(mask), "brushlabels": ["cat"]}
    for result in (POLYGON, BOX, {"type": "brushlabels", "value": value}):
        assert np.array_equal(paint(read(tmp_path, [label_studio_task([result])])), mask)


def test_rectangles_turn_about_their_first_corner_in_pixels_not_per_cent(tmp_path):
    # 6 x 2 pixels at (5, 1), turned a quarter clockwise: columns 3..5, rows 1..7.
    box = with_value(BOX, x=50, y=12.5, width=60, height=25, rotation=90)
    labels = paint(read(tmp_path, [label_studio_task([box])]))
    assert labels.sum() == labels[1:7, 3:5].sum() == 12


def test_ellipses_turn_about_their_centre(tmp_path):
    value = {"x": 50, "y": 50, "radiusX": 40, "radiusY": 12.5, "ellipselabels": ["cat"]}
    lying = {"type": "ellipselabels", "value": {**value, "rotation": 0}}
    turned = {"type": "ellipselabels", "value": {**value, "rotation": 180}}
    once = paint(read(tmp_path, [label_studio_task([lying])]))
    assert np.array_equal(once, paint(read(tmp_path, [label_studio_task([turned])])))
    assert once[4].sum() > 2 * once[:, 5].sum()


def test_json_min_says_the_same(tmp_path):
    height, width = SIZE
    size = {"original_width": width, "original_height": height}
    entry = {
        "id": 7,
        "image": "/data/upload/1/0123abcd-a.jpg",
        "label": [{**POLYGON["value"], **size}],
        "choice": "Space",
        "annotator": 1,
    }
    short = read(tmp_path, [entry])
    assert short.pictures[0].size == SIZE
    assert np.array_equal(paint(short), paint(read(tmp_path, [label_studio_task([POLYGON])])))


def test_a_label_may_stand_apart_from_its_shape(tmp_path):
    rle = brush(np.ones(SIZE, bool))
    shape = {"id": "x", "type": "magicwand", "value": {"format": "rle", "rle": rle}}
    label = {
        "id": "x",
        "type": "labels",
        "value": {"format": "rle", "rle": rle, "labels": ["cloud"]},
    }
    annotations = read(tmp_path, [label_studio_task([shape, label])])
    assert [one.class_name for one in annotations.pictures[0].regions] == ["cloud"]


def test_a_region_without_a_size_takes_it_from_others_or_from_the_picture(tmp_path):
    value = {"format": "rle", "rle": brush(np.ones(SIZE, bool)), "brushlabels": ["cat"]}
    bare = {"type": "brushlabels", "value": value, "original_width": None, "original_height": None}
    assert read(tmp_path, [label_studio_task([bare, POLYGON])]).pictures[0].size == SIZE
    alone = read(tmp_path, [label_studio_task([bare])])
    assert alone.pictures[0].size is None
    assert paint(alone).all()
    with pytest.raises(ValueError, match="80 pixels where 90 are expected"):
        paint(alone, (9, 10))


def test_what_covers_nothing_or_was_skipped_is_left_out_with_a_note(tmp_path):
    point = {
        "type": "keypointlabels",
        "value": {"x": 1, "y": 1, "width": 1, "keypointlabels": ["k"]},
    }
    choice = {"type": "choices", "value": {"choices": ["Space"]}}
    bare = with_value(POLYGON, polygonlabels=[])
    skipped = {"was_cancelled": True, "result": [BOX]}
    task = label_studio_task([point, choice, bare, POLYGON])
    task["annotations"].insert(0, skipped)
    task["annotations"].append({"result": [BOX, BOX]})
    todo = {"id": 8, "data": task["data"], "annotations": [], "predictions": [{"result": [BOX]}]}
    annotations = read(tmp_path, [task, todo])
    assert len(annotations.pictures) == 1
    assert [one.class_name for one in annotations.pictures[0].regions] == ["cat"]
    assert annotations.notes == (
        "1 key point left out",
        "1 region without a label left out",
        "1 second annotation of a task left out",
        "1 task without annotations left out",
    )


def test_the_configuration_gives_the_order_of_classes(tmp_path):
    (tmp_path / "config.xml").write_text(
        '<View><Image name="i" value="$image"/><KeyPointLabels name="k"><Label value="nose"/>'
        '</KeyPointLabels><PolygonLabels name="p" toName="i"><Label value="zebra"/>'
        '<Label value="cat"/></PolygonLabels></View>'
    )
    dog = with_value(POLYGON, polygonlabels=["dog"])
    assert read(tmp_path, [label_studio_task([dog])]).class_names == ("zebra", "cat", "dog")


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (with_value(POLYGON, points=[[1, 1], [2, 2]]), "a polygon of 2 points"),
        (with_value(POLYGON, points=[[1, "x"]]), "where a number"),
        (with_value(BOX, width=1e9), "width: .* allowed is"),
        ({**BOX, "image_rotation": 90}, "turned by 90 degrees"),
        ({**BOX, "item_index": 1}, "second of several pictures"),
        ({**BOX, "original_width": -5}, "width: -5"),
    ],
)
def test_wrong_regions_are_named(tmp_path, result, message):
    with pytest.raises(ValueError, match=rf"export\.json: task 7.*{message}"):
        read(tmp_path, [label_studio_task([result])])


def test_files_of_others_and_tasks_without_pictures_are_refused(tmp_path):
    with pytest.raises(ValueError, match="not an export of Label Studio"):
        read(tmp_path, [{"origin": ["*"]}])
    with pytest.raises(ValueError, match=r"no field names a picture \(text\)"):
        read(tmp_path, [label_studio_task([BOX], data={"text": "hello"})])
    with pytest.raises(ValueError, match="no task in it has annotations"):
        read(tmp_path, [{"data": {"image": "a.jpg"}, "predictions": []}])
    with pytest.raises(ValueError, match="different sizes"):
        read(tmp_path, [label_studio_task([BOX, {**BOX, "original_width": 11}])])


@pytest.mark.parametrize(
    ("folder", "class_names", "shape"),
    [
        ("polygons", ("Hello", "World"), (501, 800)),
        ("bbox", ("Planet", "Moonwalker"), (300, 400)),
        ("ellipses", ("Planet", "Moonwalker"), (300, 400)),
        ("magic_wand", ("Snow", "Cloud Shadow", "Haze", "Cloud", "Exclude"), (2860, 3000)),
        ("export", None, (320, 500)),
    ],
)
def test_real_exports_are_read(real_data, folder, class_names, shape):
    root = real_data / "formats" / "label_studio" / folder
    (path,) = (path for path in root.glob("*.json") if path.stem in ("0", "1", "data"))
    annotations = label_studio.read([path], root, ReadOptions())
    assert class_names is None or annotations.class_names == class_names
    assert annotations.pictures[0].size in (None, shape)
    labels = paint(annotations, shape)
    assert 0 < (labels > 0).mean() < 0.9
