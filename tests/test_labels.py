from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.labels import (
    LABEL_SETS,
    VOC12,
    VOID,
    LabelSet,
    find_classes,
    label_dtype,
    named,
    voc_palette,
    void_of,
)


def test_the_palette_is_the_one_of_the_voc_devkit() -> None:
    palette = voc_palette()
    assert palette[:4] == ((0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0))
    assert palette[15] == (192, 128, 128)  # person
    assert palette[20] == (0, 64, 128)  # tvmonitor
    assert palette[VOID] == (224, 224, 192)


def test_the_palette_never_repeats_a_colour() -> None:
    assert len(set(voc_palette())) == 256


@pytest.mark.parametrize("num_classes", [1, 255, 256, 1000])
def test_void_is_the_largest_label_of_a_label_map_and_no_class(num_classes: int) -> None:
    assert void_of(num_classes) == np.iinfo(label_dtype(num_classes)).max
    assert void_of(num_classes) >= num_classes


def test_label_maps_are_as_narrow_as_their_classes_allow() -> None:
    assert (label_dtype(255), label_dtype(256)) == (np.uint8, np.uint16)


def test_a_thousand_classes_have_a_thousand_colours_and_void_its_own() -> None:
    palette = named(tuple(map(str, range(1000)))).palette
    assert len(set(palette)) == 1000
    assert palette[:VOID] == voc_palette(VOID)
    assert voc_palette()[VOID] not in palette


def test_the_palette_is_the_one_in_the_real_masks(real_voc_root: Path) -> None:
    mask_path = min((real_voc_root / "SegmentationClassAug").glob("*.png"))
    with Image.open(mask_path) as mask:
        stored = mask.getpalette()
    assert stored is not None
    assert stored == [value for colour in voc_palette(len(stored) // 3) for value in colour]


def test_voc_has_its_21_classes_in_the_order_of_the_devkit() -> None:
    assert len(VOC12.class_names) == 21
    assert VOC12.class_names[0] == "background"
    assert list(VOC12.class_names[1:]) == sorted(VOC12.class_names[1:])
    assert VOC12.palette == voc_palette(21)


def test_label_sets_are_found_by_their_own_name() -> None:
    assert all(name == label_set.name for name, label_set in LABEL_SETS.items())


def test_classes_are_found_in_the_order_asked_for() -> None:
    assert find_classes(VOC12.class_names, ["person", "cat"]) == (15, 8)


def test_an_unknown_class_names_its_nearest_and_all_known() -> None:
    with pytest.raises(ValueError, match=r"unknown class 'cta': did you mean 'cat'.*background"):
        find_classes(("background", "cat"), ["cta"])


@pytest.mark.parametrize(
    ("class_names", "message"),
    [
        ((), "0 class names"),
        (tuple(map(str, range(1001))), "1001 class names: a label set has 1 to 1000"),
        (("cat", "cat"), "'cat' occurs twice"),
        (("cat", " "), "class 1 has an empty name"),
    ],
)
def test_wrong_class_names_are_refused(class_names: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named(class_names)


@pytest.mark.parametrize(
    ("palette", "message"),
    [
        (((0, 0, 0),), "2 class names but 1 colours"),
        (((0, 0, 0), (0, 0, 256)), r"colour \(0, 0, 256\)"),
    ],
)
def test_a_palette_that_does_not_fit_is_refused(
    palette: tuple[tuple[int, int, int], ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        LabelSet("pets", ("cat", "dog"), palette)
