import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab import drawing, imaging
from deeplab.data import open_split
from deeplab.data.stream import DataConfig, SourceConfig
from deeplab.labels import VOC12
from deeplab.runs.preflight_data import hash_labels, hash_names, look_at_data, spread


@pytest.fixture
def voc_root(fake_voc: Path, tmp_path: Path) -> Path:
    """A copy of the fake VOC that may be changed, with a `trainaug`."""
    root = tmp_path / "VOC2012"
    shutil.copytree(fake_voc / "VOCdevkit" / "VOC2012", root)
    lists = root / "ImageSets" / "Segmentation"
    shutil.copy(lists / "train.txt", lists / "trainaug.txt")
    return root


def source(root: Path, split: str) -> SourceConfig:
    return SourceConfig(root=root, split=split)


def labels_hash(root: Path, split: str = "train") -> str:
    return hash_labels(open_split(root, split).samples, 21)[0]


def test_counts_classes_and_lists_are_told(voc_root):
    data = DataConfig(train=(source(voc_root, "train"),), validation=source(voc_root, "val"))
    found, class_names, num_pictures = look_at_data(data)
    assert class_names == VOC12.class_names
    assert num_pictures == 8
    assert found.facts[0].startswith("data: VOC2012/train, 8 pictures, 21 classes; list ")
    assert "8 label maps" in found.facts[0]
    assert found.facts[1].startswith("scored on: VOC2012/val, 3 pictures, list ")


def test_pictures_that_are_held_out_are_not_counted(voc_root):
    data = DataConfig(train=(source(voc_root, "train"),), holdout_every=3)
    found, _, num_pictures = look_at_data(data)
    assert num_pictures == 5
    assert found.facts[-1] == "scored on: every 3th picture"


def test_lists_of_another_length_than_published_are_warned_of(voc_root):
    data = DataConfig(train=(source(voc_root, "train"),), validation=source(voc_root, "val"))
    assert look_at_data(data)[0].warnings == (
        "VOC2012/train has 8 pictures, 1464 as published",
        "VOC2012/val has 3 pictures, 1449 as published",
    )


def test_a_split_that_nobody_published_has_no_right_length(voc_root):
    lists = voc_root / "ImageSets" / "Segmentation"
    shutil.copy(lists / "train.txt", lists / "mine.txt")
    found = look_at_data(DataConfig(train=(source(voc_root, "mine"),)))[0]
    assert found.warnings == ()


def test_a_trainaug_in_which_all_label_maps_hold_void_is_doubted(voc_root):
    found = look_at_data(DataConfig(train=(source(voc_root, "trainaug"),)))[0]
    assert any("all of 8 label maps of trainaug hold void" in one for one in found.warnings)


def test_a_trainaug_without_void_is_doubted_and_one_of_both_kinds_is_not(voc_root):
    paths = sorted((voc_root / "SegmentationClass").glob("*.png"))
    data = DataConfig(train=(source(voc_root, "trainaug"),))
    for count, is_doubted in ((4, False), (11, True)):
        for path in paths[:count]:
            labels = imaging.read_label_map(path)
            drawing.write_label_map(path, np.where(labels == 255, 0, labels), VOC12.palette)
        doubts = [one for one in look_at_data(data)[0].warnings if "void" in one]
        assert bool(doubts) == is_doubted


def test_the_hash_is_of_what_label_maps_mean_not_of_their_files(voc_root):
    before = labels_hash(voc_root)
    path = next((voc_root / "SegmentationClass").glob("2012_000000.png"))
    labels = imaging.read_label_map(path)
    Image.fromarray(labels).save(path, compress_level=0)  # no palette, no compression
    assert labels_hash(voc_root) == before
    labels[5, 5] = 3
    Image.fromarray(labels).save(path)
    assert labels_hash(voc_root) != before


def test_the_hash_of_a_list_is_of_names_and_their_order(voc_root):
    samples = open_split(voc_root, "train").samples
    assert hash_names(samples) == hash_names(tuple(samples))
    assert hash_names(samples) != hash_names(samples[::-1])
    assert hash_names(samples) != hash_names(samples[:-1])


def test_samples_are_taken_from_the_whole_list(voc_root):
    samples = open_split(voc_root, "train").samples
    assert spread(samples, 3) == [samples[0], samples[3], samples[7]]
    assert spread(samples, 100) == list(samples)
    assert spread(samples[:1], 3) == [samples[0]]
