from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from scipy.io import savemat

from deeplab.data import pascal_context
from deeplab.data.context_numbers import NUMBERINGS, OFFICIAL_IDS
from deeplab.data.prepared import Options
from deeplab.labels import PASCAL_CONTEXT

NAMES = PASCAL_CONTEXT.class_names
SKY, GRASS, BAG = (NAMES.index(name) for name in ("sky", "grass", "bag"))


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def write_pictures(root: Path, num_pictures: int) -> list[str]:
    names = [f"2008_{number:06}" for number in range(num_pictures)]
    folder = root / "VOCdevkit" / "VOC2010" / "JPEGImages"
    folder.mkdir(parents=True)
    for name in names:
        Image.new("RGB", (4, 3)).save(folder / f"{name}.jpg")
    lists = root / "VOCdevkit" / "VOC2010" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("".join(f"{name}\n" for name in names[:2]))
    (lists / "val.txt").write_text("".join(f"{name}\n" for name in names[2:]))
    (lists / "person_train.txt").write_text("".join(f"{name} -1\n" for name in names))
    return names


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """Three pictures with `.mat` files as the official ones are: `LabelMap`, 16 bits, 459 ids."""
    root = tmp_path / "official"
    (root / "trainval").mkdir(parents=True)
    for name in write_pictures(root, 3):
        ids = np.full((3, 4), OFFICIAL_IDS[SKY - 1], np.uint16)
        ids[1] = OFFICIAL_IDS[BAG - 1]
        ids[2] = (0, 1, 255, 431)  # nothing, accordion, line, unknown: all background
        savemat(root / "trainval" / f"{name}.mat", {"LabelMap": ids})
    return root


def write_pngs(root: Path, values: np.ndarray, num_pictures: int, folder: str = "labels") -> None:
    (root / folder).mkdir(parents=True)
    for name in write_pictures(root, num_pictures):
        Image.fromarray(values).save(root / folder / f"{name}.png")


def test_official_label_maps_become_59_classes_and_background(official, tmp_path):
    prepared = pascal_context.prepare(official, tmp_path / "to", Options())
    assert prepared.counts == {"train": 2, "val": 1}
    assert "train: 2 of 4998 pictures" in prepared.lacking
    labels = read(tmp_path / "to" / "masks" / "2008_000001.png")
    assert labels.tolist() == [[SKY] * 4, [BAG] * 4, [0] * 4]
    assert (tmp_path / "to" / "val.txt").read_text() == "2008_000002\n"
    assert (tmp_path / "to" / "images" / "2008_000000.jpg").is_file()


def test_the_description_has_the_59_classes_and_both_lists(official, tmp_path):
    pascal_context.prepare(official, tmp_path / "to", Options())
    described = yaml.safe_load((tmp_path / "to" / "data.yaml").read_text())
    assert described["classes"] == list(NAMES)
    assert described["splits"] == {
        split: {"images": "images", "masks": "masks", "list": f"{split}.txt"}
        for split in ("train", "val")
    }


def test_names_beside_official_label_maps_decide(official, tmp_path):
    names = {number: f"other {number}" for number in range(1, 460)}
    for label, number in enumerate(OFFICIAL_IDS, start=1):
        names[number] = NAMES[label]
    sky, bag = OFFICIAL_IDS[SKY - 1], OFFICIAL_IDS[BAG - 1]
    names[sky], names[bag] = names[bag], names[sky]
    lines = (f"{number}: {name}\n" for number, name in names.items())
    (official / "labels.txt").write_text("".join(lines))
    pascal_context.prepare(official, tmp_path / "to", Options())
    labels = read(tmp_path / "to" / "masks" / "2008_000001.png")
    assert labels.tolist() == [[BAG] * 4, [SKY] * 4, [0] * 4]


def test_pngs_of_16_bits_hold_the_459_ids(official, tmp_path):
    expected = pascal_context.prepare(official, tmp_path / "to", Options()).written.label_hash
    for path in (official / "trainval").glob("*.mat"):
        ids = np.full((3, 4), OFFICIAL_IDS[SKY - 1], np.uint16)
        ids[1], ids[2] = OFFICIAL_IDS[BAG - 1], (0, 1, 255, 431)
        Image.fromarray(ids).save(path.with_suffix(".png"))
        path.unlink()
    assert pascal_context.prepare(official, tmp_path / "to", Options()).written.num_changed == 0
    again = pascal_context.prepare(official, tmp_path / "other", Options())
    assert again.written.label_hash == expected


@pytest.mark.parametrize("numbering", ["official", "alphabetical"])
def test_the_numbering_of_pngs_is_recognised(tmp_path, numbering):
    of_label = NUMBERINGS[numbering].index
    values = np.array(
        [[of_label(SKY)] * 4, [of_label(GRASS)] * 4, [of_label(BAG), 0, 0, 255]], np.uint8
    )
    write_pngs(tmp_path, values, 6)
    pascal_context.prepare(tmp_path, tmp_path / "to", Options())
    labels = read(tmp_path / "to" / "masks" / "2008_000001.png")
    assert labels.tolist() == [[SKY] * 4, [GRASS] * 4, [BAG, 0, 0, 255]]


def test_too_few_pngs_need_a_list_of_names(tmp_path):
    write_pngs(tmp_path, np.full((3, 4), 21, np.uint8), 2)
    with pytest.raises(ValueError, match="numbered in two ways, and these are too few"):
        pascal_context.prepare(tmp_path, tmp_path / "to", Options())
    order = [NAMES[label] for label in NUMBERINGS["alphabetical"]]
    lines = (f"{number}: {name}\n" for number, name in enumerate(order))
    (tmp_path / "59_labels.txt").write_text("".join(lines))
    pascal_context.prepare(tmp_path, tmp_path / "to", Options())
    written = read(tmp_path / "to" / "masks" / "2008_000001.png")
    assert NAMES[written[0, 0]] == order[21]


def test_a_list_of_names_that_does_not_fit_the_pngs_is_refused(tmp_path):
    sky = NUMBERINGS["alphabetical"].index(SKY)
    write_pngs(tmp_path, np.full((3, 4), sky, np.uint8), 6)
    lines = (f"{number}: {name}\n" for number, name in enumerate(NAMES))
    (tmp_path / "59_labels.txt").write_text("".join(lines))
    with pytest.raises(ValueError, match="contradict each other or the label maps"):
        pascal_context.prepare(tmp_path, tmp_path / "to", Options())


def test_values_that_are_no_class_are_refused(tmp_path):
    write_pngs(tmp_path, np.full((3, 4), SKY, np.uint8), 6)
    Image.fromarray(np.full((3, 4), 97, np.uint8)).save(tmp_path / "labels" / "2008_000003.png")
    (tmp_path / "59_labels.txt").write_text("".join(f"{name}\n" for name in NAMES))
    with pytest.raises(ValueError, match=r"2008_000003\.png: values \[97\]; allowed are 0..59"):
        pascal_context.prepare(tmp_path, tmp_path / "to", Options())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"LabelMap": np.full((3, 4), 460)}, "whole numbers of 0..459"),
        ({"LabelMap": np.full((3, 4), 1.5)}, "whole numbers of 0..459"),
        ({"LabelMap": np.zeros((4, 3))}, "3x4 pixels but its picture"),
        ({"Other": np.zeros((3, 4))}, "no variable 'LabelMap'"),
    ],
)
def test_wrong_label_maps_are_named_with_what_is_wrong(official, tmp_path, content, message):
    savemat(official / "trainval" / "2008_000002.mat", content)
    with pytest.raises(ValueError, match=message):
        pascal_context.prepare(official, tmp_path / "to", Options())


def test_nothing_found_or_no_pictures_say_what_to_get(official, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ValueError, match="no label maps below it; expected trainval/NAME"):
        pascal_context.prepare(empty, tmp_path / "to", Options())
    for path in official.rglob("*.jpg"):
        path.unlink()
    with pytest.raises(ValueError, match="unpack VOCtrainval_03-May-2010"):
        pascal_context.prepare(official, tmp_path / "to", Options())


def test_real_pngs_keep_every_pixel(real_data, tmp_path):
    source = real_data / "formats" / "pascal_context"
    prepared = pascal_context.prepare(source, tmp_path / "to", Options())
    assert prepared.counts == {"val": 25}
    for path in source.glob("GroundTruth_trainval_png/*.png"):
        assert np.array_equal(read(tmp_path / "to" / "masks" / path.name), read(path))


def test_real_pngs_in_the_other_numbering_come_out_the_same(real_data, tmp_path):
    source = real_data / "formats" / "pascal_context"
    number_of = np.argsort(NUMBERINGS["alphabetical"]).astype(np.uint8)
    (tmp_path / "from" / "JPEGImages").mkdir(parents=True)
    (tmp_path / "from" / "SegmentationClassContext").mkdir()
    for path in source.glob("GroundTruth_trainval_png/*.png"):
        picture = source / "JPEGImages" / f"{path.stem}.jpg"
        (tmp_path / "from" / "JPEGImages" / picture.name).symlink_to(picture)
        values = Image.fromarray(number_of[read(path)])
        values.save(tmp_path / "from" / "SegmentationClassContext" / path.name)
    first = pascal_context.prepare(source, tmp_path / "a", Options())
    second = pascal_context.prepare(tmp_path / "from", tmp_path / "b", Options())
    assert first.written.label_hash == second.written.label_hash
    assert second.counts == {"trainval": 25}
