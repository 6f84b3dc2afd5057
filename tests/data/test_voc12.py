from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.io import savemat
from scipy.sparse import csc_matrix

from deeplab import drawing
from deeplab.data import open_split, voc12
from deeplab.data.prepared import Options
from deeplab.labels import VOC12


def write_sbd(path: Path, labels: np.ndarray) -> None:
    """As SBD's files are: boundaries of each class as sparse maps, classes, and the label map."""
    boundaries = np.empty((20, 1), object)
    for index in range(20):
        boundaries[index, 0] = csc_matrix(labels == index + 1)
    present = np.unique(labels[labels > 0])[:, np.newaxis]
    structure = {
        "Boundaries": boundaries,
        "Segmentation": labels,
        "CategoriesPresent": present.astype(np.float64),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"GTcls": structure}, do_compression=True)


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """VOC with `train` (a b), `val` (c) and `test` (d); SBD has a c e f, and f's picture."""
    root = tmp_path / "official"
    voc = root / "VOCdevkit" / "VOC2012"
    lists = voc / "ImageSets" / "Segmentation"
    sbd = root / "benchmark_RELEASE" / "dataset"
    for folder in (voc / "JPEGImages", voc / "SegmentationClass", lists, sbd / "img"):
        folder.mkdir(parents=True)
    (lists / "train.txt").write_text("b\na\n")
    (lists / "val.txt").write_text("c\n")
    (lists / "test.txt").write_text("d\n")
    (sbd / "train.txt").write_text("a\nc\ne\nf\n")
    for name in "abcde":
        Image.new("RGB", (7, 5)).save(voc / "JPEGImages" / f"{name}.jpg")
    Image.new("RGB", (7, 5)).save(sbd / "img" / "f.jpg")
    official = np.full((5, 7), 15, np.uint8)
    official[0] = 255
    for name in "abc":
        drawing.write_label_map(voc / "SegmentationClass" / f"{name}.png", official, VOC12.palette)
    for name in "acef":
        write_sbd(sbd / "cls" / f"{name}.mat", np.full((5, 7), 20, np.uint8))
    return root


def test_sbd_and_official_label_maps_become_the_augmented_set(source, tmp_path):
    prepared = voc12.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {
        "train": 2,
        "val": 1,
        "trainval": 3,
        "test": 1,
        "trainaug": 4,
        "trainval_aug": 5,
    }
    lists = tmp_path / "to" / "ImageSets" / "Segmentation"
    assert (lists / "train.txt").read_text() == "b\na\n"  # in VOC's order
    assert (lists / "trainaug.txt").read_text() == "a\nb\ne\nf\n"
    assert (lists / "trainval_aug.txt").read_text() == "a\nb\nc\ne\nf\n"
    assert (tmp_path / "to" / "JPEGImages" / "d.jpg").is_file()
    assert "test: 1 of 1456 pictures" in prepared.lacking


def test_official_label_maps_are_written_over_those_of_sbd(source, tmp_path):
    voc12.prepare(source, tmp_path / "to", Options())
    masks = tmp_path / "to" / "SegmentationClassAug"
    for name in "abc":
        assert set(read(masks / f"{name}.png").ravel()) == {15, 255}
    for name in "ef":  # SBD alone: no void
        assert set(read(masks / f"{name}.png").ravel()) == {20}


def test_the_description_names_all_splits_and_that_test_has_no_label_maps(source, tmp_path):
    voc12.prepare(source, tmp_path / "to", Options())
    splits = yaml.safe_load((tmp_path / "to" / "data.yaml").read_text())["splits"]
    assert sorted(splits) == ["test", "train", "trainaug", "trainval", "trainval_aug", "val"]
    assert [split for split, files in splits.items() if "masks" not in files] == ["test"]
    for split in splits.values():
        assert all((tmp_path / "to" / path).exists() for path in split.values())


def test_what_was_prepared_opens_as_voc(source, tmp_path):
    voc12.prepare(source, tmp_path / "to", Options())
    data = open_split(tmp_path / "to", "trainaug")
    assert [sample.name for sample in data.samples] == ["a", "b", "e", "f"]
    assert data.label_set.class_names == VOC12.class_names
    assert data.samples[2].read_labels(21).max() == 20


def test_official_colour_pictures_and_indices_give_the_same_set(source, tmp_path):
    expected = voc12.prepare(source, tmp_path / "to", Options()).written.label_hash
    for path in source.rglob("SegmentationClass/*.png"):
        Image.open(path).convert("RGB").save(path)
    again = voc12.prepare(source, tmp_path / "to", Options())
    assert (again.written.label_hash, again.written.num_changed) == (expected, 0)


def test_an_augmented_folder_of_others_stands_in_for_sbd(source, tmp_path):
    expected = voc12.prepare(source, tmp_path / "to", Options()).written.label_hash
    for path in source.rglob("cls/*.mat"):
        target = source / "SegmentationClassAug" / f"{path.stem}.png"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(voc12.read_labels(path)).save(target)
        path.unlink()
    assert voc12.prepare(source, tmp_path / "to", Options()).written.label_hash == expected


def test_without_sbd_it_says_so(source, tmp_path):
    for path in source.rglob("cls/*.mat"):
        path.unlink()
    prepared = voc12.prepare(source, tmp_path / "to", Options())
    assert prepared.counts["trainaug"] == 2
    assert any("no SBD" in reason for reason in prepared.lacking)


def test_official_label_maps_that_lack_are_not_passed_over_in_silence(source, tmp_path):
    (source / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "c.png").unlink()
    prepared = voc12.prepare(source, tmp_path / "to", Options())
    assert any("1 pictures of train and val have no official" in why for why in prepared.lacking)


def test_another_year_of_voc_is_not_taken_for_2012(source, tmp_path):
    voc = source / "VOCdevkit" / "VOC2012"
    lists = source / "VOCdevkit" / "VOC2010" / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split in ("train", "val"):
        (lists / f"{split}.txt").write_text("z\n")
    assert voc12.prepare(source, tmp_path / "to", Options()).counts["val"] == 1
    voc.rename(source / "VOCdevkit" / "my-voc")
    assert voc12.prepare(source, tmp_path / "to", Options()).counts["val"] == 1
    (source / "VOCdevkit" / "my-voc").rename(source / "VOCdevkit" / "VOC2011")
    with pytest.raises(ValueError, match="no VOC 2012 below it"):
        voc12.prepare(source, tmp_path / "to", Options())


def test_lists_without_label_maps_or_no_voc_at_all_are_errors(tmp_path):
    with pytest.raises(ValueError, match="no VOC 2012 below it; unpack VOCtrainval"):
        voc12.prepare(tmp_path, tmp_path / "to", Options())
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for split in ("train", "val"):
        (lists / f"{split}.txt").write_text("a\n")
    with pytest.raises(ValueError, match="there are no label maps"):
        voc12.prepare(tmp_path, tmp_path / "to", Options())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"GTinst": {"Segmentation": np.zeros((5, 7))}}, "no variable 'GTcls'"),
        ({"GTcls": {"Boundaries": 1}}, "'Segmentation' is expected here"),
        ({"GTcls": {"Segmentation": np.full((5, 7), 21)}}, "whole numbers of 0..20"),
        ({"GTcls": {"Segmentation": np.zeros((7, 5))}}, "5x7 pixels but its picture"),
        ({"GTcls": 3}, "it is no structure"),
        ({"GTcls": np.zeros((2, 2))}, "GTcls is one structure"),
    ],
)
def test_wrong_files_of_sbd_are_named_with_what_is_wrong(source, tmp_path, content, message):
    savemat(source / "benchmark_RELEASE" / "dataset" / "cls" / "e.mat", content)
    with pytest.raises(ValueError, match=message) as caught:
        voc12.prepare(source, tmp_path / "to", Options())
    assert "1 of 5 pictures could not be prepared" in str(caught.value)
    assert "e" in str(caught.value)


def test_label_maps_in_other_colours_are_refused(source, tmp_path):
    path = source / "VOCdevkit" / "VOC2012" / "SegmentationClass" / "a.png"
    Image.new("RGB", (7, 5), (0, 0, 142)).save(path)
    with pytest.raises(ValueError, match=r"a\.png: colours \(0, 0, 142\)"):
        voc12.prepare(source, tmp_path / "to", Options())


def test_the_published_lists_have_the_numbers_of_the_paper(real_voc_root):
    lists = real_voc_root / "ImageSets" / "Segmentation"
    ids = {
        split: set((lists / f"official_{split}.txt").read_text().split())
        for split in ("train", "val", "test", "train_aug")
    }
    assert {split: len(ids[split]) for split in ("train", "val", "test")} == {
        split: voc12.OFFICIAL[split] for split in ("train", "val", "test")
    }
    assert len(ids["train_aug"]) == voc12.OFFICIAL["trainaug"]
    assert len(ids["train_aug"] | ids["val"]) == voc12.OFFICIAL["trainval_aug"]
    assert ids["train"] < ids["train_aug"]
    assert not ids["train_aug"] & ids["val"]


def test_real_label_maps_keep_every_pixel(real_voc_root, tmp_path):
    voc = tmp_path / "VOC2012"
    lists = voc / "ImageSets" / "Segmentation"
    for folder in (voc / "JPEGImages", voc / "SegmentationClass", lists):
        folder.mkdir(parents=True)
    names = (real_voc_root / "ImageSets/Segmentation/val_here.txt").read_text().split()[:12]
    (lists / "val.txt").write_text("\n".join(names))
    (lists / "train.txt").write_text("")
    for name in names:
        for folder, source, suffix in (
            ("JPEGImages", "JPEGImages", "jpg"),
            ("SegmentationClass", "SegmentationClassAug", "png"),
        ):
            path = real_voc_root / source / f"{name}.{suffix}"
            (voc / folder / path.name).symlink_to(path)
    prepared = voc12.prepare(tmp_path, tmp_path / "to", Options())
    assert prepared.counts["val"] == 12
    for name in names:
        written = read(tmp_path / "to" / "SegmentationClassAug" / f"{name}.png")
        assert np.array_equal(written, read(voc / "SegmentationClass" / f"{name}.png"))
