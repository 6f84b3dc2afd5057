import numpy as np
import pytest

from deeplab.data.context_numbers import (
    NUMBERINGS,
    OFFICIAL_IDS,
    numbering_of,
    read_names,
    recognise_numbering,
    table_of_ids,
)
from deeplab.labels import PASCAL_CONTEXT, VOC12

NAMES = PASCAL_CONTEXT.class_names
# `detail` and MMSegmentation list the classes so, in its spelling of three of them.
ALPHABETICAL = [
    *("background", "aeroplane", "bag", "bed", "bedclothes", "bench", "bicycle", "bird"),
    *("boat", "book", "bottle", "building", "bus", "cabinet", "car", "cat", "ceiling"),
    *("chair", "cloth", "computer", "cow", "cup", "curtain", "dog", "door", "fence"),
    *("floor", "flower", "food", "grass", "ground", "horse", "keyboard", "light"),
    *("motorbike", "mountain", "mouse", "person", "plate", "platform", "pottedplant"),
    *("road", "rock", "sheep", "shelves", "sidewalk", "sign", "sky", "snow", "sofa"),
    *("table", "track", "train", "tree", "truck", "tvmonitor", "wall", "water", "window"),
    *("wood",),
]
SPELLINGS = {"bedclothes": "bedcloth", "cloth": "clothes", "table": "diningtable"}


def test_the_59_classes_begin_with_vocs():
    assert NAMES[:21] == VOC12.class_names
    assert len(NAMES) == 60


def test_official_ids_are_all_different():
    assert len(set(OFFICIAL_IDS)) == 59
    assert sorted(table_of_ids(None)[list(OFFICIAL_IDS)].tolist()) == list(range(1, 60))


def test_the_alphabetical_numbering_is_that_of_the_459_ids():
    expected = [NAMES.index(SPELLINGS.get(name, name)) for name in ALPHABETICAL]
    assert list(NUMBERINGS["alphabetical"]) == expected


def test_names_of_the_459_ids_decide_where_they_are_given():
    names = dict.fromkeys(range(1, 460), "something")
    names = {number: f"{name} {number}" for number, name in names.items()}
    for number, name in enumerate(reversed(ALPHABETICAL[1:]), start=300):
        names[number] = name
    table = table_of_ids(names)
    assert [NAMES[label] for label in table[300:359]] == [
        SPELLINGS.get(name, name) for name in reversed(ALPHABETICAL[1:])
    ]
    assert not table[:300].any()
    del names[310]
    with pytest.raises(ValueError, match="does not name the classes"):
        table_of_ids(names)


def test_real_names_of_the_459_ids_agree_with_the_ids_known_here(real_data):
    names = read_names(real_data / "formats" / "pascal_context" / "classes-400.txt")
    assert np.array_equal(table_of_ids(names), table_of_ids(None))


def test_lists_of_names_are_read_with_numbers_or_without(tmp_path):
    (tmp_path / "a.txt").write_text("2: dining table\n1 : bag\n\n")
    assert read_names(tmp_path / "a.txt") == {1: "bag", 2: "dining table"}
    (tmp_path / "b.txt").write_text("background\nbag\n")
    assert read_names(tmp_path / "b.txt") == {0: "background", 1: "bag"}
    (tmp_path / "c.txt").write_text("bag\nbed\n")
    assert read_names(tmp_path / "c.txt") == {1: "bag", 2: "bed"}
    (tmp_path / "d.txt").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "e.txt").write_text("")
    assert read_names(tmp_path / "d.txt") == {}
    assert read_names(tmp_path / "e.txt") == {}


def test_a_list_of_names_tells_the_numbering():
    assert numbering_of(dict(enumerate(ALPHABETICAL))) == NUMBERINGS["alphabetical"]
    assert numbering_of(dict(enumerate(NAMES[1:], start=1))) == NUMBERINGS["official"]
    assert numbering_of({1: "cat"}) == ()
    assert numbering_of({number: f"class {number}" for number in range(1, 60)}) == ()


def test_real_lists_of_the_59_names_are_official(real_data):
    for name in ("classes-59.txt", "label_pascal_context_59.txt"):
        names = read_names(real_data / "formats" / "pascal_context" / name)
        assert numbering_of(names) == NUMBERINGS["official"]


@pytest.mark.parametrize("numbering", ["official", "alphabetical"])
def test_a_numbering_is_recognised_by_common_classes(numbering):
    labels = list(NUMBERINGS[numbering])
    num_pixels = np.ones(60, np.int64)
    for name in ("sky", "grass", "tree", "person"):
        num_pixels[labels.index(NAMES.index(name))] = 100
    assert recognise_numbering(num_pixels, 10) == numbering
    assert recognise_numbering(num_pixels, 1) is None
    assert recognise_numbering(np.ones(60, np.int64), 1000) is None
