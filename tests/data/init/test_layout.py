import json
from pathlib import Path

import pytest
from tests.data.init.samples import write_labels, write_pair, write_picture

from deeplab.data.init.layout import infer_layout
from deeplab.data.init.parts import POOL

LAYOUTS = {
    # how pictures and label maps are called, by split and name
    "images and masks": ("images/{s}/{n}.jpg", "masks/{s}/{n}.png"),
    "img_dir and ann_dir": ("img_dir/{s}/{n}.jpg", "ann_dir/{s}/{n}.png"),
    "Images and Labels": ("Images/{s}/{n}.png", "Labels/{s}/{n}.png"),
    "split first": ("{s}/images/{n}.jpg", "{s}/masks/{n}.png"),
    "split first, gt": ("{s}/rgb/{n}.jpg", "{s}/gt/{n}.png"),
    "split in the names": ("{s}/{n}.png", "{s}annot/{n}.png"),
    "split in the names, labels": ("{s}/{n}.png", "{s}_labels/{n}_L.png"),
    "both in the names": ("{s}_images/{n}.jpg", "{s}_masks/{n}.png"),
    "in a folder": ("dataset/v1/images/{s}/{n}.jpg", "dataset/v1/annotations/{s}/{n}.png"),
    "sub-folders": ("images/{s}/a/b/{n}.jpg", "masks/{s}/a/b/{n}.png"),
    "_mask behind": ("images/{s}/{n}.jpg", "masks/{s}/{n}_mask.png"),
    "format twice": ("images/{s}/{n}.jpg", "masks/{s}/{n}.jpg.png"),
    "beside": ("{s}/{n}.jpg", "{s}/{n}.png"),
    "beside, _mask": ("{s}/{n}.jpg", "{s}/{n}_mask.png"),
    "beside, -label": ("{s}/{n}.png", "{s}/{n}-label.png"),
    "beside, .mask": ("{s}/{n}.png", "{s}/{n}.mask.png"),
    "beside, _sat and _mask": ("{s}/{n}_sat.jpg", "{s}/{n}_mask.png"),
    "Cityscapes": ("leftImg8bit/{s}/c/{n}_leftImg8bit.png", "gtFine/{s}/c/{n}_gtFine_labelIds.png"),
    "words in front": ("images/{s}/img_{n}.jpg", "masks/{s}/mask_{n}.png"),
    "other split names": ("images/{s}ing/{n}.jpg", "masks/{s}ing/{n}.png"),
}
SPLITS = {"train": ("a1", "a2", "a3"), "test": ("b1", "b2")}


def make(root: Path, picture: str, labels: str) -> dict[str, dict[Path, Path]]:
    pairs = {}
    for split, names in SPLITS.items():
        for seed, name in enumerate(names):
            files = [text.format(s=split, n=name) for text in (picture, labels)]
            write_pair(root, *files, seed)
            pairs.setdefault(split, {})[root / files[0]] = root / files[1]
    return pairs


def found(layout) -> dict[str, dict[Path, Path]]:
    return {
        split: {item.picture_path: item.label_path for item in part.items}
        for split, part in layout.parts.items()
    }


@pytest.mark.parametrize(("picture", "labels"), LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_with_splits_is_found(picture, labels, tmp_path):
    pairs = make(tmp_path, picture, labels)
    assert found(infer_layout(tmp_path)) == pairs


@pytest.mark.parametrize(
    ("picture", "labels"),
    [one for name, one in LAYOUTS.items() if name not in ("words in front",)],
)
def test_all_but_odd_names_need_no_list(picture, labels, tmp_path):
    make(tmp_path, picture, labels)
    assert all(part.is_whole and part.files for part in infer_layout(tmp_path).parts.values())


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("images/{n}.jpg", "masks/{n}.png"),
        ("JPEGImages/{n}.jpg", "SegmentationClass/{n}.png"),
        ("VOCdevkit/VOC2012/JPEGImages/{n}.jpg", "VOCdevkit/VOC2012/SegmentationClass/{n}.png"),
        ("{n}.jpg", "{n}.png"),
        ("{n}.jpg", "{n}_seg.png"),
        ("{n}.png", "{n}_L.png"),
        ("s{n}/images/1.jpg", "s{n}/masks/1.png"),
        ("{n}/image.jpg", "{n}/mask.png"),
    ],
)
def test_pictures_without_splits_are_a_pool(picture, labels, tmp_path):
    pairs = make(tmp_path, picture, labels)
    assert found(infer_layout(tmp_path)) == {POOL: pairs["train"] | pairs["test"]}


def test_lists_of_names_divide_a_pool(tmp_path):
    make(tmp_path, "JPEGImages/{n}.jpg", "SegmentationClass/{n}.png")
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a3\na1\n")
    (lists / "val.txt").write_text("b1\n")
    layout = infer_layout(tmp_path)
    assert {split: [i.name for i in part.items] for split, part in layout.parts.items()} == {
        "train": ["a3", "a1"],
        "val": ["b1"],
    }
    assert layout.parts["val"].files.list_path == lists / "val.txt"


@pytest.mark.parametrize("line", ["{n}", "{n}.jpg", "images/{n}.jpg", "{n}   "])
def test_names_in_lists_may_have_folder_and_format(line, tmp_path):
    make(tmp_path, "images/{n}.jpg", "masks/{n}.png")
    (tmp_path / "train_list.txt").write_text(line.format(n="a1"))
    layout = infer_layout(tmp_path)
    assert [item.name for item in layout.parts["train"].items] == ["a1"]


@pytest.mark.parametrize(
    "line", ["/x/{n}.jpg /y/{n}.png", "x/{n}.jpg y/{n}.png", "x/{n}.jpg,y/{n}.png"]
)
def test_lists_of_pairs_go_before_all_folders(line, tmp_path):
    pairs = make(tmp_path, "x/{n}.jpg", "y/{n}.png")
    for split, names in SPLITS.items():
        lines = [line.format(n=name) for name in names]
        (tmp_path / f"{split}.txt").write_text("\n".join(lines))
    layout = infer_layout(tmp_path)
    assert found(layout) == pairs
    assert layout.what == "lists of pairs (test.txt, train.txt)"


def test_lists_that_name_many_others_are_not_taken(tmp_path):
    make(tmp_path, "images/{n}.jpg", "masks/{n}.png")
    (tmp_path / "train.txt").write_text("a1\na2\nother\n")
    layout = infer_layout(tmp_path)
    assert list(layout.parts) == [POOL]
    assert "train.txt: 1 of the 3 pictures it names are not here" in layout.notes[0]


def test_a_list_of_no_split_chooses_the_pool(tmp_path):
    make(tmp_path, "images/{n}.jpg", "masks/{n}.png")
    (tmp_path / "good.txt").write_text("a1\nb1\n")
    layout = infer_layout(tmp_path)
    assert [item.name for item in layout.parts[POOL].items] == ["a1", "b1"]


def test_pictures_without_label_maps_are_left_out_and_told(tmp_path):
    make(tmp_path, "images/{s}/{n}.jpg", "masks/{s}/{n}.png")
    write_picture(tmp_path / "images" / "train" / "more.jpg", 9)
    layout = infer_layout(tmp_path)
    assert len(layout.parts["train"].items) == 3
    assert not layout.parts["train"].is_whole
    assert layout.parts["test"].is_whole
    assert layout.notes == ("1 pictures have no label map: they are left out",)


def test_a_split_of_pictures_alone_is_kept(tmp_path):
    make(tmp_path, "images/{s}/{n}.jpg", "masks/{s}/{n}.png")
    write_picture(tmp_path / "images" / "val" / "c.jpg", 9)
    part = infer_layout(tmp_path).parts["val"]
    assert [(item.name, item.label_path) for item in part.items] == [("c", None)]
    assert part.files.masks is None


def test_masks_in_splits_divide_pictures_that_are_not(tmp_path):
    for seed, name in enumerate("ab"):
        split = "train" if name == "a" else "val"
        write_pair(tmp_path, f"images/{name}.jpg", f"masks/{split}/{name}.png", seed)
    layout = infer_layout(tmp_path)
    assert {split: part.items[0].name for split, part in layout.parts.items()} == {
        "train": "a",
        "val": "b",
    }


def test_augmented_label_maps_of_voc_go_before_the_official_ones(tmp_path):
    make(tmp_path, "JPEGImages/{n}.jpg", "SegmentationClass/{n}.png")
    make(tmp_path, "JPEGImages/{n}.jpg", "SegmentationClassAug/{n}.png")
    make(tmp_path, "JPEGImages/{n}.jpg", "SegmentationObject/{n}.png")
    layout = infer_layout(tmp_path)
    assert layout.parts[POOL].files.masks.name == "SegmentationClassAug"
    assert layout.notes == ("not taken: pictures in JPEGImages, label maps in SegmentationClass",)


def test_two_folders_that_fit_alike_are_refused(tmp_path):
    make(tmp_path, "images/{n}.jpg", "masks/{n}.png")
    make(tmp_path, "images/{n}.jpg", "labels/{n}.png")
    with pytest.raises(ValueError, match=r"several readings are equally likely.*--masks FOLDER"):
        infer_layout(tmp_path)
    layout = infer_layout(tmp_path, masks=tmp_path / "labels")
    assert layout.parts[POOL].files.masks == tmp_path / "labels"


def test_folders_with_names_that_say_nothing_can_be_given(tmp_path):
    pairs = make(tmp_path, "foo/{s}/{n}.jpg", "bar/{s}/{n}.png")
    layout = infer_layout(tmp_path, images=tmp_path / "foo", masks=tmp_path / "bar")
    assert found(layout) == pairs


def test_label_maps_of_several_kinds_beside_each_other_are_refused_unless_one_is_meant(tmp_path):
    for kind in ("labelIds", "instanceIds", "color"):
        make(
            tmp_path, "leftImg8bit/{s}/{n}_leftImg8bit.png", f"gtFine/{{s}}/{{n}}_gtFine_{kind}.png"
        )
    items = infer_layout(tmp_path).parts["train"].items
    assert {item.label_path.name for item in items} == {
        f"{name}_gtFine_labelIds.png" for name in SPLITS["train"]
    }
    make(tmp_path / "2", "images/{s}/{n}.png", "masks/{s}/{n}_fine.png")
    make(tmp_path / "2", "images/{s}/{n}.png", "masks/{s}/{n}_coarse.png")
    with pytest.raises(ValueError, match=r"several label maps for each picture, .*_coarse, _fine"):
        infer_layout(tmp_path / "2")


def test_wrong_folders_are_told_what_lacks(tmp_path):
    with pytest.raises(ValueError, match=r"no such folder"):
        infer_layout(tmp_path / "none")
    with pytest.raises(ValueError, match=r"no pictures in it or below it"):
        infer_layout(tmp_path)
    write_picture(tmp_path / "images" / "a.jpg", 0)
    with pytest.raises(ValueError, match=r"1 pictures but no label maps: .* --masks FOLDER"):
        infer_layout(tmp_path)
    write_labels(tmp_path / "masks" / "other.png", 0)
    with pytest.raises(ValueError, match=r"1 pictures and 1 label maps, but no two names agree"):
        infer_layout(tmp_path)
    (tmp_path / "images" / "a.jpg").unlink()
    with pytest.raises(ValueError, match=r"1 label maps but no pictures: .* --images FOLDER"):
        infer_layout(tmp_path)


EXPORTS = {
    "COCO": ("annotations/instances.json", {"images": [], "annotations": [], "categories": []}),
    "labelme": ("images/a.json", {"shapes": [], "imagePath": "a.jpg", "imageData": None}),
    "Label Studio": ("export.json", [{"id": 1, "annotations": [], "data": {"image": "a.jpg"}}]),
}


@pytest.mark.parametrize(("tool", "path", "content"), [(t, *v) for t, v in EXPORTS.items()])
def test_annotations_have_to_be_converted_first(tool, path, content, tmp_path):
    write_picture(tmp_path / "images" / "a.jpg", 0)
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match=rf"annotations of {tool} \({path}\).*deeplab data convert"
    ):
        infer_layout(tmp_path)


def test_annotations_of_cvat_have_to_be_converted_first(tmp_path):
    (tmp_path / "annotations.xml").write_text('<annotations><image id="0"/></annotations>')
    with pytest.raises(ValueError, match=r"annotations of CVAT"):
        infer_layout(tmp_path)


def test_real_annotations_are_recognised(real_data):
    for folder, tool in (
        ("coco", "COCO"),
        ("cvat", "CVAT"),
        ("labelme/semantic_segmentation/data_annotated", "labelme"),
        ("label_studio/export", "Label Studio"),
    ):
        with pytest.raises(ValueError, match=f"annotations of {tool}"):
            infer_layout(real_data / "formats" / folder)


@pytest.mark.parametrize(
    ("folder", "counts"),
    [
        ("camvid", {"train": 367, "val": 101}),
        ("coco_voc20", {POOL: 443}),
        ("formats/cityscapes", {"train": 2}),
        ("formats/person_part", {POOL: 2}),
        ("formats/pascal_context", {POOL: 25}),
        ("VOCdevkit", {"train_here": 2267, "train_here_noval": 1554, "val_here": 368}),
    ],
)
def test_real_data_sets_are_found(folder, counts, real_data):
    parts = infer_layout(real_data / folder).parts
    assert {split: len(part.items) for split, part in parts.items()} == counts
