from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.data import open_split
from deeplab.labels import VOC12


def write_pair(pictures_dir: Path, labels_dir: Path, name: str, labels: np.ndarray) -> None:
    for folder in (pictures_dir, labels_dir):
        folder.mkdir(parents=True, exist_ok=True)
    picture = np.repeat(labels[..., None] * 60, 3, axis=2).astype(np.uint8)
    Image.fromarray(picture).save(pictures_dir / f"{name}.jpg")
    Image.fromarray(labels).save(labels_dir / f"{name}.png")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """`images/` and `masks/` with a split as a folder and one as a list."""
    labels = np.zeros((6, 8), np.uint8)
    labels[2:, 3:], labels[0] = 1, 255
    write_pair(tmp_path / "images" / "train", tmp_path / "masks" / "train", "b", labels)
    write_pair(tmp_path / "images" / "train", tmp_path / "masks" / "train", "a", labels)
    write_pair(tmp_path / "images", tmp_path / "masks", "c", labels)
    (tmp_path / "listed.txt").write_text("c\n")
    (tmp_path / "classes.txt").write_text("ground\nthing\n")
    return tmp_path


def test_a_voc_folder_gives_the_pictures_of_its_list_in_order(fake_voc):
    root = fake_voc / "VOCdevkit" / "VOC2012"
    data = open_split(root, "val")
    names = (root / "ImageSets" / "Segmentation" / "val.txt").read_text().split()
    assert [sample.name for sample in data.samples] == names
    assert data.label_set == VOC12
    sample = data.samples[0]
    assert sample.read_picture().shape[:2] == sample.read_labels(21).shape


def test_the_augmented_labels_win_over_the_official_ones(fake_voc, tmp_path):
    source = fake_voc / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets"):
        (tmp_path / name).symlink_to(source / name)
    (tmp_path / "SegmentationClassAug").symlink_to(source / "SegmentationClass")
    sample = open_split(tmp_path, "val").samples[0]
    assert sample.label_path.parent.name == "SegmentationClassAug"


def test_a_folder_pair_takes_sub_folders_as_splits(own):
    data = open_split(own, "train")
    assert [sample.name for sample in data.samples] == ["a", "b"]
    assert data.label_set.class_names == ("ground", "thing")
    assert set(np.unique(data.samples[0].read_labels(2))) == {0, 1, 255}


def test_a_folder_pair_takes_lists_as_splits(own):
    assert [sample.name for sample in open_split(own, "listed").samples] == ["c"]


def test_names_may_have_spaces_and_hidden_files_are_left_out(own):
    labels = np.zeros((6, 8), np.uint8)
    write_pair(own / "images" / "new", own / "masks" / "new", "my cat", labels)
    (own / "images" / "new" / ".DS_Store").write_bytes(b"x")
    assert [sample.name for sample in open_split(own, "new").samples] == ["my cat"]
    write_pair(own / "images", own / "masks", "my cat", labels)
    (own / "listed.txt").write_text("my cat \n\nc\n")
    assert [sample.name for sample in open_split(own, "listed").samples] == ["my cat", "c"]


def test_real_voc_pictures_are_read(real_voc_root):
    data = open_split(real_voc_root, "val_here")
    assert len(data.samples) == 368
    sample = data.samples[0]
    labels = sample.read_labels(21)
    assert labels.shape == sample.read_picture().shape[:2]
    assert len(np.unique(labels)) > 1


def test_ids_outside_the_classes_are_named_with_their_file(own):
    sample = open_split(own, "train").samples[0]
    Image.fromarray(np.full((6, 8), 7, np.uint8)).save(sample.label_path)
    with pytest.raises(ValueError, match=r"a\.png: .*7.*2 classes \(0\.\.1\).*255"):
        sample.read_labels(2)


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("tain", r"no split 'tain'.*did you mean 'train'\?"),
        ("nothing", r"no split 'nothing'; there are .*listed"),
    ],
)
def test_a_split_that_is_not_there_names_those_that_are(own, split, message):
    with pytest.raises(ValueError, match=message):
        open_split(own, split)


def test_names_without_files_are_counted_and_shown(own):
    (own / "listed.txt").write_text("c\nx\ny\n")
    with pytest.raises(ValueError, match=r"2 of 3 names .*: x, y"):
        open_split(own, "listed")


def test_two_pictures_of_one_name_are_refused(own):
    Image.new("RGB", (8, 6)).save(own / "images" / "train" / "a.bmp")
    with pytest.raises(ValueError, match=r"several files of one name.*: a"):
        open_split(own, "train")


def test_an_empty_list_is_refused(own):
    (own / "listed.txt").write_text("\n")
    with pytest.raises(ValueError, match="'listed' is empty"):
        open_split(own, "listed")


def test_a_folder_pair_without_class_names_says_how_to_write_them(own):
    (own / "classes.txt").unlink()
    with pytest.raises(ValueError, match=r"classes\.txt is missing: write the class names"):
        open_split(own, "train")


def test_a_folder_of_another_layout_says_what_was_expected(tmp_path):
    with pytest.raises(ValueError, match=r"JPEGImages.*images, masks"):
        open_split(tmp_path, "train")


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist"):
        open_split(tmp_path / "nowhere", "train")


def test_a_split_without_label_maps_is_opened_where_none_are_needed(own):
    text = "classes: [a]\nsplits:\n  new: {images: images/train}\n"
    (own / "data.yaml").write_text(text)
    with pytest.raises(ValueError, match="'new' has no label maps"):
        open_split(own, "new")
    (first, _) = open_split(own, "new", labelled=False).samples
    assert (first.name, first.label_path) == ("a", None)
    with pytest.raises(ValueError, match=r"a\.jpg: this picture has no label map"):
        first.read_labels(1)


def test_label_maps_are_read_as_their_description_says(own):
    text = "classes: [thing]\nvalues: [1]\nvoid: [0]\nsplits:\n"
    text += "  train: {images: images/train, masks: masks/train}\n"
    (own / "data.yaml").write_text(text)
    labels = open_split(own / "data.yaml", "train").samples[0].read_labels(1)
    expected = np.full((6, 8), 255)
    expected[2:, 3:] = 0
    assert np.array_equal(labels, expected)
