from pathlib import Path

import pytest

from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.pairing import list_entries
from deeplab.labels import named


@pytest.fixture
def touch(tmp_path: Path):
    def make(*names: str) -> None:
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(b"")

    return make


def entries(root: Path, files: SplitFiles) -> list[tuple[str, list[str], list[str]]]:
    description = DataDescription(root, named(("a", "b")), {"train": files})
    return [
        (
            entry.name,
            [path.relative_to(root).as_posix() for path in entry.picture_paths],
            [path.relative_to(root).as_posix() for path in entry.label_paths],
        )
        for entry in list_entries(description, "train")
    ]


def test_without_a_list_all_pictures_of_the_folder_and_below_count(tmp_path, touch):
    touch("i/b.jpg", "i/x/a.png", "i/notes.txt", "i/.c.jpg", "m/b.png", "m/x/a.png", "m/b.json")
    assert entries(tmp_path, SplitFiles(tmp_path / "i", tmp_path / "m")) == [
        ("b", ["i/b.jpg"], ["m/b.png"]),
        ("x/a", ["i/x/a.png"], ["m/x/a.png"]),
    ]


def test_suffixes_join_pictures_and_label_maps_of_other_names(tmp_path, touch):
    touch("i/bonn/1_left.png", "g/bonn/1_ids.png", "g/bonn/1_colour.png", "i/bonn/1_right.png")
    files = SplitFiles(
        tmp_path / "i", tmp_path / "g", image_suffix="_left.png", mask_suffix="_ids.png"
    )
    assert entries(tmp_path, files) == [("bonn/1", ["i/bonn/1_left.png"], ["g/bonn/1_ids.png"])]


def test_pictures_and_label_maps_may_lie_side_by_side(tmp_path, touch):
    touch("a.png", "a_mask.png", "b.jpg", "b_mask.png")
    files = SplitFiles(tmp_path, tmp_path, mask_suffix="_mask.png")
    assert entries(tmp_path, files) == [
        ("a", ["a.png"], ["a_mask.png"]),
        ("b", ["b.jpg"], ["b_mask.png"]),
    ]


@pytest.mark.parametrize("line", ["x/a", "x/a.jpg", "i/x/a.jpg", "/i/x/a.jpg"])
def test_a_list_may_have_suffixes_and_folders(tmp_path, touch, line):
    touch("i/x/a.jpg", "i/b.jpg", "m/x/a.png")
    (tmp_path / "train.txt").write_text(f"{line}\n")
    files = SplitFiles(tmp_path / "i", tmp_path / "m", tmp_path / "train.txt")
    assert entries(tmp_path, files) == [("x/a", ["i/x/a.jpg"], ["m/x/a.png"])]


@pytest.mark.parametrize(
    "line",
    [
        "/JPEGImages/a.jpg /Labels/a.png",
        "JPEGImages/a.jpg Labels/a.png",
        "JPEGImages/a.jpg\tLabels/a.png",
        "JPEGImages/a.jpg,Labels/a.png",
    ],
)
def test_a_list_may_name_both_files_as_deeplab_and_others_write_it(tmp_path, touch, line):
    touch("JPEGImages/a.jpg", "Labels/a.png")
    (tmp_path / "train.txt").write_text(f"{line}\n")
    files = SplitFiles(tmp_path, list_path=tmp_path / "train.txt")
    ((_, pictures, labels),) = entries(tmp_path, files)
    assert (pictures, labels) == (["JPEGImages/a.jpg"], ["Labels/a.png"])


def test_pairs_may_be_relative_to_the_folders_of_the_split(tmp_path, touch):
    touch("i/a b.jpg", "m/a b.png")
    (tmp_path / "train.txt").write_text("a b.jpg a b.png\n")
    files = SplitFiles(tmp_path / "i", tmp_path / "m", tmp_path / "train.txt")
    assert entries(tmp_path, files) == [("a b", ["i/a b.jpg"], ["m/a b.png"])]


def test_what_is_missing_is_told_by_an_entry_without_files(tmp_path, touch):
    touch("i/a.jpg", "m/b.png")
    (tmp_path / "train.txt").write_text("a\nb\n")
    files = SplitFiles(tmp_path / "i", tmp_path / "m", tmp_path / "train.txt")
    assert entries(tmp_path, files) == [("a", ["i/a.jpg"], []), ("b", [], ["m/b.png"])]


def test_a_list_that_is_no_text_is_named(tmp_path):
    (tmp_path / "train.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match=r"train\.txt: not a list of names"):
        entries(tmp_path, SplitFiles(tmp_path, list_path=tmp_path / "train.txt"))
