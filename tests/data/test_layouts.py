from pathlib import Path

import pytest

from deeplab.data.layouts import describe
from deeplab.labels import VOC12

PLAIN_TEXT = "classes: [ground, thing]\nsplits: {train: {images: images, masks: masks}}\n"


def write(tmp_path: Path, text: str) -> Path:
    (tmp_path / "data.yaml").write_text(text)
    return tmp_path


def test_the_file_itself_can_be_given(tmp_path):
    write(tmp_path, PLAIN_TEXT)
    assert describe(tmp_path / "data.yaml") == describe(tmp_path)


def test_the_file_wins_over_the_layout_of_the_folder(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    assert describe(tmp_path).label_set == VOC12
    assert describe(write(tmp_path, PLAIN_TEXT)).label_set.class_names == ("ground", "thing")


def test_an_unknown_layout_names_the_known_ones_and_the_command_that_looks(tmp_path):
    with pytest.raises(ValueError, match=r"deeplab data init .*JPEGImages.*leftImg8bit.*masks"):
        describe(tmp_path)


def test_of_two_lists_of_one_name_that_of_voc_counts(tmp_path):
    (tmp_path / "JPEGImages").mkdir()
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    for folder in (tmp_path, lists):
        (folder / "val.txt").write_text("a\n")
    (tmp_path / "classes.txt").write_text("a\n")
    described = describe(tmp_path)
    assert {name: files.list_path for name, files in described.splits.items()} == {
        "val": lists / "val.txt"
    }
