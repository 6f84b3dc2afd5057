import pytest

from deeplab.data.find import find_list, find_pictures, list_folders


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def test_hidden_files_the_target_and_prepared_sets_are_left_out(tmp_path):
    touch(tmp_path / "a" / "x.png")
    touch(tmp_path / "a" / ".hidden.png")
    touch(tmp_path / ".git" / "y.png")
    touch(tmp_path / "target" / "masks" / "z.png")
    touch(tmp_path / "camvid" / "data.yaml")
    touch(tmp_path / "camvid" / "masks" / "z.png")
    folders = list_folders(tmp_path, leave_out=tmp_path / "target")
    assert [(folder.path.name, folder.file_names) for folder in folders] == [
        (tmp_path.name, ()),
        ("a", ("x.png",)),
    ]


def test_a_picture_in_jpegimages_goes_before_others_of_its_name(tmp_path):
    for folder in ("img", "JPEGImages", "pictures"):
        touch(tmp_path / folder / "a.jpg")
    touch(tmp_path / "img" / "b.jpg")
    pictures = find_pictures(list_folders(tmp_path, leave_out=tmp_path / "to"))
    assert pictures == {
        "a": tmp_path / "JPEGImages" / "a.jpg",
        "b": tmp_path / "img" / "b.jpg",
    }


def test_of_lists_of_one_name_the_one_with_the_official_number_counts(tmp_path):
    for folder, ids in (("Main", "a b c d"), ("Segmentation", "a b"), ("Layout", "a")):
        touch(tmp_path / folder / "train.txt")
        (tmp_path / folder / "train.txt").write_text("\n".join(ids.split()))
    folders = list_folders(tmp_path, leave_out=tmp_path / "to")
    known = ["a", "b", "c"]
    assert find_list(folders, "train", official=2, known=known) == ["a", "b"]
    assert find_list(folders, "train", official=9, known=known) == ["a", "b", "c", "d"]
    assert find_list(folders, "train", official=2, known=["e"]) == []
    assert find_list(folders, "val", official=2, known=known) == []


def test_lists_with_id_or_a_number_in_their_name_count_too(tmp_path):
    (tmp_path / "val_id.txt").write_text("a\n\n")
    (tmp_path / "test_5104.txt").write_text("\ufeffb  1\n", encoding="utf-8")
    folders = list_folders(tmp_path, leave_out=tmp_path / "to")
    assert find_list(folders, "val", official=1, known=["a"]) == ["a"]
    assert find_list(folders, "test", official=1, known=["b"]) == ["b"]


def test_a_list_that_names_an_id_twice_is_refused(tmp_path):
    (tmp_path / "val.txt").write_text("a\nb\na\n")
    folders = list_folders(tmp_path, leave_out=tmp_path / "to")
    with pytest.raises(ValueError, match=r"val\.txt: 1 ids stand in it more than once"):
        find_list(folders, "val", official=1, known=["a"])
