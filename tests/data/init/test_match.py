from pathlib import Path

import pytest

from deeplab.data.init.match import match, part_labels


def paths(folder: str, names: str) -> dict[str, Path]:
    return {name: Path(folder, name) for name in names.split()}


@pytest.mark.parametrize(
    ("pictures", "labels", "endings"),
    [
        ("1.jpg 2.jpg 10.jpg", "1.png 2.png 10.png", ("", "")),
        ("1.jpg 10.jpg", "1_mask.png 10_mask.png", ("", "_mask")),
        ("1.jpg 1_1.jpg", "1_L.png 1_1_L.png", ("", "_L")),
        ("a/1_rgb.png b/1_rgb.png", "a/1_gt.png b/1_gt.png", ("_rgb", "_gt")),
        ("1.jpg 2.jpg", "1.jpg.png 2.jpg.png", ("", ".jpg")),
        ("1.jpg 2.jpg", "1.png 2.png 1_color.png 2_color.png", ("", "")),
        ("1.jpg 2.jpg", "1_labelIds.png 2_labelIds.png 1_color.png 2_color.png", ("", "_labelIds")),
    ],
)
def test_names_with_one_ending_match(pictures, labels, endings):
    pictures, labels = paths("p", pictures), paths("l", labels)
    found = match(pictures, labels)
    assert (found.picture_ending, found.label_ending) == endings
    assert set(found.pairs) == set(pictures.values())
    for picture, label in found.pairs.items():
        name = picture.relative_to("p").with_suffix("").as_posix().removesuffix(endings[0])
        assert label.relative_to("l").with_suffix("").as_posix() == name + endings[1]


def test_words_in_front_match():
    found = match(paths("p", "img_1.jpg img_2.jpg"), paths("l", "mask_1.png mask_2.png"))
    assert found.label_ending is None
    assert {p.name: m.name for p, m in found.pairs.items()} == {
        "img_1.jpg": "mask_1.png",
        "img_2.jpg": "mask_2.png",
    }


def test_part_of_a_number_is_no_match():
    assert match(paths("p", "1.jpg 2.jpg"), paths("l", "10_mask.png 25.png")).pairs == {}


def test_names_in_other_folders_do_not_match():
    assert match(paths("p", "a/1.jpg"), paths("l", "b/1.png")).pairs == {}


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("1.jpg 1_mask.png 2.jpg", "1_mask.png"),
        ("1.jpg 1.png", "1.png"),
        ("a/image.png a/mask.png", "a/mask.png"),
        ("img_1.png mask_1.png", "mask_1.png"),
        ("1.png 2.png", ""),
        ("1_mask.png 2_mask.png", ""),
    ],
)
def test_label_maps_beside_pictures_are_told_by_their_names(names, labels):
    assert part_labels(names.split()) == set(labels.split())
