from pathlib import Path

import pytest

from deeplab.data.init.known import known_classes
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import Survey
from deeplab.labels import CITYSCAPES, VOC12

ITEMS = [Item("a", Path("JPEGImages/a.jpg"), Path("SegmentationClassAug/a.png"))]


def survey(counts, palette=None, *, is_painted=False) -> Survey:
    return Survey(dict.fromkeys(counts, 9), is_painted, palette or {}, {})


def test_voc_is_known_by_its_folder_and_values():
    assert known_classes(ITEMS, survey((0, 20, 255))).names == VOC12.class_names
    assert known_classes(ITEMS, survey((0, 1), {0: (0, 0, 0), 1: (128, 0, 0)})) is not None
    assert known_classes([Item("a", Path("a.jpg"), Path("masks/a.png"))], survey((0, 20))) is None


@pytest.mark.parametrize(
    "other",
    [
        survey((0, 21)),
        survey((0, 1), {0: (0, 0, 0), 1: (9, 0, 0)}),
        survey((0, 1), is_painted=True),
    ],
)
def test_other_values_or_colours_are_not_those_of_voc(other):
    assert known_classes(ITEMS, other) is None


def test_cityscapes_is_known_by_the_names_of_its_label_maps():
    ids, classes = (
        [Item("a", Path("a_leftImg8bit.png"), Path(f"a_gtFine_{kind}.png"))]
        for kind in ("labelIds", "labelTrainIds")
    )
    known = known_classes(ids, survey((0, 7, 33)))
    assert dict(zip(known.labels, known.names, strict=True))[33] == "bicycle"
    assert [name for name in known.names if name != "void"] == [*CITYSCAPES.class_names]
    assert known_classes(classes, survey((0, 18, 255))).names == CITYSCAPES.class_names
