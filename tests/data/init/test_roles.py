from pathlib import PurePath

import pytest

from deeplab.data.init.roles import is_held_out, is_train, role_of, split_of, strip_words


@pytest.mark.parametrize(
    ("folder", "kind", "split", "base", "rest"),
    [
        ("images/train", "pictures", "train", "images/train", ()),
        ("Train/Masks/a", "labels", "train", "Train/Masks", ("a",)),
        ("set/ann_dir/validation", "labels", "val", "set/ann_dir/validation", ("set",)),
        ("trainannot", "labels", "train", "trainannot", ()),
        ("test_images", "pictures", "test", "test_images", ()),
        ("gtFine/val/ulm", "labels", "val", "gtFine/val", ("ulm",)),
        ("SegmentationObject", "other", "", "SegmentationObject", ()),
        ("mask_images", "labels", "", "mask_images", ()),
        ("foo/bar", "", "", ".", ("foo", "bar")),
    ],
)
def test_a_folder_is_what_its_names_say(folder, kind, split, base, rest):
    role = role_of(PurePath(folder))
    assert (role.kind, role.split, role.base, role.rest) == (kind, split, PurePath(base), rest)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("train_list", "train"),
        ("val_1449", "val"),
        ("validation", "val"),
        ("train_here", "train_here"),
        ("trainval", "trainval"),
        ("train_aug", "train_aug"),
        ("all", ""),
    ],
)
def test_a_list_is_of_the_split_that_its_name_says(name, split):
    assert split_of(name) == split


def test_what_serves_to_train_does_not_serve_to_score():
    assert [is_train(s) for s in ("train", "trainval", "val", "train_noval")] == [1, 1, 0, 1]
    assert [is_held_out(s) for s in ("val", "test", "trainval", "train_val", "x")] == [
        1,
        1,
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("stem", "left"),
    [("mask_001", "001"), ("img1", "1"), ("001-gt", "001"), ("image", ""), ("seagull", "seagull")],
)
def test_words_are_taken_off_both_ends(stem, left):
    assert strip_words(stem) == left
