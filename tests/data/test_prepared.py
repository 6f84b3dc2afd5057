import hashlib
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.prepared import (
    Pair,
    PreparedSet,
    Written,
    lacking,
    write_description,
    write_list,
    write_pairs,
)
from deeplab.labels import VOC12

LABELS = {"b": np.array([[0, 20], [255, 3]], np.uint8), "a": np.array([[1, 2, 3]], np.uint8)}


def tell_nothing(done: int, total: int) -> None:
    pass


def make_pair(folder: Path, name: str, labels: np.ndarray, size: tuple[int, int] | None = None):
    picture_path = folder / f"{name}.jpg"
    height, width = size or labels.shape
    Image.new("RGB", (width, height)).save(picture_path)
    return Pair(
        name=name,
        picture_path=picture_path,
        read_labels=lambda: labels,
        picture_place=Path("images", f"{name}.jpg"),
        labels_place=Path("masks", f"{name}.png"),
    )


@pytest.fixture
def pairs(tmp_path: Path) -> list[Pair]:
    return [make_pair(tmp_path, name, labels) for name, labels in LABELS.items()]


def test_the_hash_is_of_names_sizes_and_ids_in_the_order_of_names(pairs, tmp_path):
    written = write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    expected = hashlib.sha256(
        b"a\0\x01\0\0\0\x03\0\0\0\x01\x02\x03" + b"b\0\x02\0\0\0\x02\0\0\0\x00\x14\xff\x03"
    )
    assert written == Written(2, 2, expected.hexdigest())


def test_label_maps_have_the_ids_and_colours_of_the_label_set(pairs, tmp_path):
    write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    written = Image.open(tmp_path / "to" / "masks" / "b.png")
    assert np.array_equal(np.asarray(written), LABELS["b"])
    colours = np.asarray(written.convert("RGB"))
    assert tuple(colours[0, 1]) == VOC12.palette[20]
    assert tuple(colours[1, 0]) == (224, 224, 192)
    assert (tmp_path / "to" / "images" / "b.jpg").is_file()


def test_a_second_time_nothing_is_written(pairs, tmp_path):
    first = write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*.*")}
    second = write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    assert (second.num_changed, second.label_hash) == (0, first.label_hash)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "to").rglob("*.*")} == times


def test_what_is_missing_or_was_changed_is_written_again(pairs, tmp_path):
    first = write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    (tmp_path / "to" / "masks" / "a.png").unlink()
    (tmp_path / "to" / "masks" / "b.png").write_bytes(b"half a fi")
    again = write_pairs(pairs, tmp_path / "to", VOC12, tell=tell_nothing)
    assert again == first


def test_a_wrong_pair_is_named_and_does_not_keep_others_from_being_written(pairs, tmp_path):
    small = make_pair(tmp_path, "small", np.zeros((4, 5), np.uint8), size=(8, 5))
    strange = make_pair(tmp_path, "strange", np.full((4, 5), 21, np.uint8))
    with pytest.raises(ValueError, match="2 of 4 pictures could not be prepared") as caught:
        write_pairs([small, strange, *pairs], tmp_path / "to", VOC12, tell=tell_nothing)
    assert "small: the label map is 5x4 pixels but its picture" in str(caught.value)
    assert "strange: label ids 21; allowed are 0..20 and void (255)" in str(caught.value)
    assert sorted(path.name for path in (tmp_path / "to" / "masks").iterdir()) == ["a.png", "b.png"]


def test_each_pair_is_told(pairs, tmp_path):
    told = []
    write_pairs(pairs, tmp_path / "to", VOC12, tell=lambda *numbers: told.append(numbers))
    assert told == [(1, 2), (2, 2)]


def test_a_list_that_is_there_already_stays_untouched(tmp_path):
    path = tmp_path / "lists" / "train.txt"
    write_list(path, ["a", "b"])
    time = path.stat().st_mtime_ns
    write_list(path, ["a", "b"])
    assert (path.read_text(), path.stat().st_mtime_ns) == ("a\nb\n", time)
    write_list(path, ["c"])
    assert path.read_text() == "c\n"


def test_the_description_says_where_all_is_and_is_written_once(tmp_path):
    files = SplitFiles(tmp_path / "pictures", tmp_path / "masks", tmp_path / "lists" / "val.txt")

    def write() -> int:
        write_description(DataDescription(tmp_path, VOC12, {"val": files}))
        return (tmp_path / "data.yaml").stat().st_mtime_ns

    assert write() == write()
    described = yaml.safe_load((tmp_path / "data.yaml").read_text())
    assert (described["name"], described["classes"]) == ("voc12", list(VOC12.class_names))
    assert [tuple(colour) for colour in described["palette"]] == list(VOC12.palette)
    assert described["splits"] == {
        "val": {"images": "pictures", "masks": "masks", "list": "lists/val.txt"}
    }


def test_the_summary_says_whether_all_is_there():
    written = Written(2, 1, "0123")
    full = PreparedSet("voc12", {"train": 1, "val": 1}, written)
    assert full.summary() == (
        "voc12: complete; train 1, val 1; 2 label maps (1 written now), sha256 0123"
    )
    part = PreparedSet("voc12", {"val": 2}, written, lacking({"val": 2}, {"train": 3, "val": 2}))
    assert part.summary().startswith("voc12: PARTIAL (train: 0 of 3 pictures); val 2;")
