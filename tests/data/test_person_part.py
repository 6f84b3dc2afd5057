from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from deeplab import drawing
from deeplab.data import person_part
from deeplab.data.prepared import Options
from deeplab.labels import PERSON_PART

SHAPE = (6, 8)
# All parts of a person that PASCAL-Part's `part2ind` numbers.
PARTS = [
    *("head", "leye", "reye", "lear", "rear", "lebrow", "rebrow", "nose", "mouth", "hair"),
    *("torso", "neck", "llarm", "luarm", "lhand", "rlarm", "ruarm", "rhand", "llleg"),
    *("luleg", "lfoot", "rlleg", "ruleg", "rfoot"),
]
Part = tuple[str, int]  # a part and the row of pixels that it covers


def row(number: int) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[number] = 1
    return mask


def make_object(class_name: str, parts: Sequence[Part]) -> dict[str, object]:
    """As in PASCAL-Part; without parts MATLAB keeps an empty 0x0 structure."""
    kept = np.empty((1, len(parts)), [("part_name", object), ("mask", object)])
    for index, (name, number) in enumerate(parts):
        kept[0, index] = (name, row(number))
    if not parts:
        kept = np.empty((0, 0), kept.dtype)
    mask = sum((row(number) for _, number in parts), np.zeros(SHAPE, np.uint8))
    return {
        "class": class_name,
        "class_ind": 15.0 if class_name == "person" else 11.0,
        "mask": mask.clip(max=1).astype(np.uint8),
        "parts": kept,
    }


def write_annotation(path: Path, objects: Sequence[dict[str, object]]) -> None:
    fields = ("class", "class_ind", "mask", "parts")
    array = np.empty((1, len(objects)), [(name, object) for name in fields])
    for index, thing in enumerate(objects):
        array[0, index] = tuple(thing[name] for name in fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {"anno": {"imname": path.stem, "objects": array}}, do_compression=True)


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Pictures a and b show persons, c a table and d a person of which no part is annotated."""
    root = tmp_path / "official"
    annotations = root / "Annotations_Part"
    person = make_object("person", [("torso", 2), ("head", 0)])
    write_annotation(annotations / "a.mat", [person, make_object("person", [("lhand", 2)])])
    write_annotation(annotations / "b.mat", [make_object("table", []), person])
    write_annotation(annotations / "c.mat", [make_object("table", [])])
    write_annotation(annotations / "d.mat", [make_object("person", [])])
    (root / "JPEGImages").mkdir()
    for name in "abcd":
        Image.new("RGB", SHAPE[::-1]).save(root / "JPEGImages" / f"{name}.jpg")
    return root


def test_parts_are_painted_in_their_order_and_the_rest_is_background(source, tmp_path):
    person_part.prepare(source, tmp_path / "to", Options())
    labels = read(tmp_path / "to" / "masks" / "a.png")
    assert labels[:, 0].tolist() == [1, 0, 4, 0, 0, 0]  # a hand of the later person on the torso
    assert read(tmp_path / "to" / "masks" / "b.png")[:, 0].tolist() == [1, 0, 2, 0, 0, 0]


def test_every_part_of_a_person_has_its_class(tmp_path):
    expected = dict.fromkeys(PARTS, "head") | {"torso": "torso"}
    for side in "lr":
        expected |= {f"{side}uarm": "upper arms", f"{side}uleg": "upper legs"}
        expected |= dict.fromkeys((f"{side}larm", f"{side}hand"), "lower arms")
        expected |= dict.fromkeys((f"{side}lleg", f"{side}foot"), "lower legs")
    for part in PARTS:
        write_annotation(tmp_path / "a.mat", [make_object("person", [(part, 1)])])
        labels = person_part.read_labels(tmp_path / "a.mat")
        assert PERSON_PART.class_names[labels.max()] == expected[part], part


def test_without_lists_all_pictures_with_persons_are_taken(source, tmp_path):
    prepared = person_part.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"trainval": 2}
    assert (tmp_path / "to" / "trainval.txt").read_text() == "a\nb\n"
    assert not (tmp_path / "to" / "images" / "c.jpg").exists()


def test_lists_of_voc_are_cut_down_to_pictures_with_persons(source, tmp_path):
    lists = source / "VOC2010" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("b\nc\n")
    (lists / "val.txt").write_text("a\nd\nz\n")
    prepared = person_part.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 1, "val": 1}
    assert (tmp_path / "to" / "val.txt").read_text() == "a\n"
    assert "train: 1 of 1716 pictures" in prepared.lacking


def test_lists_of_the_official_size_are_taken_as_they_are(source, tmp_path):
    others = [f"2008_{number:06}" for number in range(3000)]
    (source / "train_id.txt").write_text("\n".join(["b", "d", *others[:1714]]))
    (source / "val_id.txt").write_text("\n".join(["a", *others[-1816:]]))
    prepared = person_part.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2, "val": 1}
    assert not read(tmp_path / "to" / "masks" / "d.png").any()


def test_no_person_anywhere_is_an_error(source, tmp_path):
    for name in "abd":
        (source / "Annotations_Part" / f"{name}.mat").unlink()
    with pytest.raises(ValueError, match="none of 1 annotated pictures shows a part of a person"):
        person_part.prepare(source, tmp_path / "to", Options())


def test_pngs_of_person_part_are_taken_and_checked(tmp_path):
    labels = np.tile(np.array([0, 1, 2, 3, 4, 5, 6, 255], np.uint8), (SHAPE[0], 1))
    (tmp_path / "from").mkdir()
    Image.new("RGB", SHAPE[::-1]).save(tmp_path / "from" / "a.jpg")
    drawing.write_label_map(tmp_path / "from" / "a.png", labels, PERSON_PART.palette)
    person_part.prepare(tmp_path / "from", tmp_path / "to", Options())
    assert np.array_equal(read(tmp_path / "to" / "masks" / "a.png"), labels)
    labels[0, 0] = 7
    Image.fromarray(labels).save(tmp_path / "from" / "a.png")
    with pytest.raises(ValueError, match=r"label ids 7; allowed are 0..6 and void \(255\)"):
        person_part.prepare(tmp_path / "from", tmp_path / "to", Options())


def test_wrong_annotations_say_what_is_wrong(tmp_path):
    path = tmp_path / "a.mat"
    write_annotation(path, [make_object("person", [("tail", 1)])])
    with pytest.raises(ValueError, match="part 'tail' of a person; known are head"):
        person_part.read_labels(path)
    write_annotation(path, [])
    with pytest.raises(ValueError, match="no objects are annotated"):
        person_part.read_labels(path)
    savemat(path, {"anno": {"imname": "a"}})
    with pytest.raises(ValueError, match="'objects' is expected here, but its fields are imname"):
        person_part.read_labels(path)
    small = make_object("person", [("head", 1)])
    small["mask"] = np.zeros((3, 3), np.uint8)
    write_annotation(path, [small])
    with pytest.raises(ValueError, match="masks of different sizes"):
        person_part.read_labels(path)
    strange = make_object("person", [])
    strange["mask"] = np.full(SHAPE, 2, np.uint8)
    write_annotation(path, [strange])
    with pytest.raises(ValueError, match=r"whole numbers of 0..1"):
        person_part.read_labels(path)


def test_real_annotations_show_persons_where_there_are_some(real_data, tmp_path):
    source = real_data / "formats" / "pascal_part"
    prepared = person_part.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"trainval": 2}
    labels = read(tmp_path / "to" / "masks" / "2008_000652.png")
    assert set(np.unique(labels)) == {0, 1, 2, 3, 4, 5, 6}
    # Above each other as in a person who stands: head, torso, lower legs.
    centres = [np.nonzero(labels == label)[0].mean() for label in (1, 2, 6)]
    assert centres == sorted(centres)


def test_real_lists_and_pngs_are_taken(real_data, tmp_path):
    source = real_data / "formats" / "person_part"
    prepared = person_part.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"val": 2}
    for path in source.glob("*.png"):
        assert np.array_equal(read(tmp_path / "to" / "masks" / path.name), read(path))
