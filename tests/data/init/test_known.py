from pathlib import Path

import pytest

from deeplab.data.init.known import known_classes
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import Survey
from deeplab.labels import VOC12

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
