from pathlib import Path

import pytest

from deeplab.data.coding import PLAIN, LabelCoding
from deeplab.data.description import DataDescription, SplitFiles, read_description, to_yaml
from deeplab.labels import LabelSet, voc_palette

PLAIN_TEXT = "classes: [ground, thing]\nsplits: {train: {images: images, masks: masks}}\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "data.yaml"
    path.write_text(text)
    return path


def test_a_written_description_is_read_back_the_same(tmp_path):
    description = DataDescription(
        tmp_path,
        LabelSet("traffic", ("sky", "road"), ((1, 2, 3), (4, 5, 6))),
        {
            "train": SplitFiles(tmp_path / "a", tmp_path / "b", tmp_path / "lists" / "train.txt"),
            "test": SplitFiles(Path("/elsewhere"), image_suffix="_left.png", mask_suffix="_l.png"),
        },
        LabelCoding(void=(9,), colours=((1, 2, 3), (4, 5, 6)), void_colours=((0, 0, 0), (9, 9, 9))),
    )
    assert read_description(write(tmp_path, to_yaml(description))) == description


def test_values_are_written_and_read_back(tmp_path):
    description = DataDescription(
        tmp_path,
        LabelSet("two", ("no", "yes"), voc_palette(2)),
        {"all": SplitFiles(tmp_path)},
        LabelCoding(values=(0, 255)),
    )
    assert read_description(write(tmp_path, to_yaml(description))) == description


def test_only_classes_and_splits_have_to_be_there(tmp_path):
    described = read_description(write(tmp_path, PLAIN_TEXT))
    assert described.label_set == LabelSet(tmp_path.name, ("ground", "thing"), voc_palette(2))
    assert described.coding == PLAIN
    assert described.split("train") == SplitFiles(tmp_path / "images", tmp_path / "masks")


def test_classes_may_be_numbered(tmp_path):
    text = PLAIN_TEXT.replace("[ground, thing]", "{1: thing, 0: ground}")
    assert read_description(write(tmp_path, text)).label_set.class_names == ("ground", "thing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", r"data\.yaml is not YAML"),
        ("just words", "a description has the keys name, classes"),
        ("splits: {a: {images: b}}", "classes: give the names as a list"),
        ("classes: [a, a]\nsplits: {a: {images: b}}", "'a' occurs twice"),
        ("classes: {0: a, 2: b}\nsplits: {a: {images: b}}", r"labels \[0, 2\]; they are 0, 1, 2"),
        ("classes: [a]", "splits: name at least one"),
        ("classes: [a]\nsplits: {a: {masks: b}}", r"splits\.a: give `images`, `list`, or both"),
        ("classes: [a]\nsplits: {a: b}", r"splits\.a: has the keys images, masks, list"),
        ("classes: [a]\nsplits: {a: {images: 3}}", r"splits\.a\.images: 3 is not a text"),
        (PLAIN_TEXT + "viod: [1]", "unknown key viod: did you mean 'void'?"),
        ("classes: [a]\nsplits: {a: {image: b}}", r"unknown key splits\.a\.image: did you mean"),
        (PLAIN_TEXT + "void: 11", "void: give a list, not 11"),
        (PLAIN_TEXT + "void: [70000]", r"void: 70000; values in label maps are 0\.\.65535"),
        (PLAIN_TEXT + "void: [1]", "void: 1 is a class too"),
        (PLAIN_TEXT + "values: [0]", "values: 1 of them for 2 classes"),
        (PLAIN_TEXT + "values: [4, 4]", "values: 2 of them for 2 classes; give each its own|own"),
        (PLAIN_TEXT + "palette: [[0, 0, 0]]", "2 class names but 1 colours"),
        (PLAIN_TEXT + "palette: [[0, 0, 300], [0, 0, 0]]", "a colour is three numbers"),
        (PLAIN_TEXT + "colours: true", "colours: true needs the colours of the classes"),
        (PLAIN_TEXT + "colours: red", "colours: true or false"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        read_description(write(tmp_path, text))


def test_a_split_that_is_not_there_is_answered_with_those_that_are(tmp_path):
    with pytest.raises(ValueError, match=r"no split 'tain'; there are train; did you mean 'train'"):
        read_description(write(tmp_path, PLAIN_TEXT)).split("tain")


def test_mean_and_deviation_of_the_bands_are_read_and_written(tmp_path):
    text = PLAIN_TEXT + "mean: [10, 20.5]\nstd: [1, 2]\n"
    (tmp_path / "data.yaml").write_text(text)
    description = read_description(tmp_path / "data.yaml")
    assert (description.mean, description.std) == ((10, 20.5), (1, 2))
    (tmp_path / "data.yaml").write_text(to_yaml(description))
    assert read_description(tmp_path / "data.yaml") == description


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("mean: [10, 20]", "as many of one as of the other"),
        ("mean: [10]\nstd: [0]", "std above 0"),
        ("mean: [300]\nstd: [1]", r"mean: \[300\]; give a number of 0\.\.255"),
    ],
)
def test_wrong_means_are_named(tmp_path, more, message):
    (tmp_path / "data.yaml").write_text(PLAIN_TEXT + more)
    with pytest.raises(ValueError, match=message):
        read_description(tmp_path / "data.yaml")
