from pathlib import Path

import pytest
from tests.data.annotation_files import save_picture

from deeplab.data.annotated import AnnotatedPicture
from deeplab.data.locate import PictureFinder


def picture(name: str, source: Path, split: str = "all") -> AnnotatedPicture:
    return AnnotatedPicture(name, source, (), split=split)


@pytest.mark.parametrize(
    "name",
    [
        "a b.jpg",
        "images/a b.jpg",
        "..\\images\\a b.jpg",
        "C:\\Users\\me\\a b.jpg",
        "/home/me/a b.jpg",
        "https://host/x/a%20b.jpg?token=1",
        "s3://bucket/images/a%20b.jpg",
        "/data/upload/3/0123abcd-a%20b.jpg",
        "/data/local-files/?d=images/a b.jpg",
    ],
)
def test_what_tools_call_a_picture_leads_to_it(tmp_path, name):
    path = save_picture(tmp_path / "images" / "a b.jpg")
    finder = PictureFinder([tmp_path], leave_out=tmp_path / "to")
    assert finder.find(picture(name, tmp_path / "annotations" / "x.json")) == path


def test_a_name_without_suffix_finds_the_file_of_that_name(tmp_path):
    path = save_picture(tmp_path / "frame_000003.png")
    finder = PictureFinder([tmp_path], leave_out=tmp_path / "to")
    assert finder.find(picture("frame_000003", tmp_path / "x.xml")) == path


def test_of_files_of_one_name_the_one_in_the_fitting_folder_counts(tmp_path):
    train, val = (save_picture(tmp_path / split / "a.jpg") for split in ("train", "val"))
    finder = PictureFinder([tmp_path], leave_out=tmp_path / "to")
    assert finder.find(picture("val/a.jpg", tmp_path / "x.json")) == val
    assert finder.find(picture("a.jpg", tmp_path / "x.json", split="Train")) == train
    assert finder.find(picture("a.jpg", tmp_path / "val" / "x.json")) == val
    with pytest.raises(ValueError, match=r"'a\.jpg' may be .*train.* or .*val"):
        finder.find(picture("a.jpg", tmp_path / "x.json"))


def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path):
    save_picture(tmp_path / "secret.jpg")
    root = tmp_path / "given"
    root.mkdir()
    finder = PictureFinder([root], leave_out=root / "to")
    for name in ("../secret.jpg", "..\\secret.jpg", "x/../../secret.jpg"):
        with pytest.raises(ValueError, match="leads out of the folder"):
            finder.find(picture(name, root / "x.json"))
    assert finder.find(picture(str(tmp_path / "secret.jpg"), root / "x.json")) is None


def test_only_pictures_are_found_and_not_those_that_were_converted(tmp_path):
    (tmp_path / "a.txt").write_text("no picture")
    save_picture(tmp_path / "to" / "images" / "b.jpg")
    finder = PictureFinder([tmp_path], leave_out=tmp_path / "to")
    assert finder.find(picture("a.txt", tmp_path / "x.json")) is None
    assert finder.find(picture("b.jpg", tmp_path / "x.json")) is None


@pytest.mark.parametrize("name", ["", "..", "a/..", "a\0.jpg", "http://host/"])
def test_what_is_no_name_is_refused(tmp_path, name):
    finder = PictureFinder([tmp_path], leave_out=tmp_path / "to")
    with pytest.raises(ValueError, match="is not the name of a picture"):
        finder.find(picture(name, tmp_path / "x.json"))
