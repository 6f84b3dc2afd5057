import dataclasses
import logging

import pytest

from deeplab.crf import PRESETS, Bilateral, DenseCRF, Spatial
from deeplab.inference import find_crf, plain_parameters, read_crf, write_crf
from deeplab.inference.score_files import describe_classes

CARD = describe_classes(3)
CRFS = [
    DenseCRF(),
    DenseCRF(Bilateral(4.5, 55, 3.5), Spatial(3, 3), iterations=5, normalization="symmetric"),
    DenseCRF(bilateral=(Bilateral(1, (60, 50), (3, 4, 5)), Bilateral(2, 20, 8)), spatial=()),
    DenseCRF(compatibility=((0, 1, 2), (1, 0, 1), (2, 1, 0)), accuracy="dilated"),
]


@pytest.mark.parametrize("crf", CRFS)
def test_a_crf_survives_its_file(crf, tmp_path):
    write_crf(tmp_path / "my.yaml", crf, about="two lines\nof comment: 4")
    assert read_crf(tmp_path / "my.yaml") == crf


@pytest.mark.parametrize("crf", CRFS)
def test_the_file_is_yaml_to_others(crf, tmp_path):
    yaml = pytest.importorskip("yaml", reason="comparing with YAML needs the train extra")
    write_crf(tmp_path / "my.yaml", crf, about="a comment")
    values = yaml.safe_load((tmp_path / "my.yaml").read_text())
    assert values == plain_parameters(crf)


def test_a_file_by_hand_is_read(tmp_path):
    path = tmp_path / "my.yml"
    path.write_text(
        "---\n# mine\nbilateral:  # place and colour\n"
        "    weight: 5\n    xy: [60, 50]\n    rgb: 3.5\n"
        "\nnormalization: symmetric\nspatial: []\n"
    )
    expected = DenseCRF(Bilateral(5, (60, 50), 3.5), spatial=(), normalization="symmetric")
    assert read_crf(path) == expected


def test_json_is_read_too(tmp_path):
    path = tmp_path / "my.json"
    path.write_text('{"bilateral": {"weight": 5, "xy": 60, "rgb": 3}, "iterations": 7}')
    assert read_crf(path) == DenseCRF(Bilateral(5, 60, 3), iterations=7)


def test_what_belongs_to_a_computer_is_not_stored():
    crf = DenseCRF(threads=2, variant="baseline")
    assert plain_parameters(crf) == plain_parameters(DenseCRF())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("iteration: 5", r"my\.yaml: .*'iteration'.*iterations"),
        ("iterations 5", r"my\.yaml: line 1: 'iterations 5': write KEY: VALUE"),
        ("  weight: 5", "line 1: .*write KEY: VALUE"),
        ("bilateral:\n  weight:\n    xy: 4", "line 2: .*write KEY: VALUE"),
        ("\nbilateral: {weight: 5}", "line 2: '{weight: 5}' is no value"),
        ("bilateral:\n  weight: 5", "xy, rgb missing"),
        ('{"iterations": 5', "my.yaml: "),
    ],
)
def test_a_file_that_holds_something_else_is_refused(text, message, tmp_path):
    (tmp_path / "my.yaml").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_crf(tmp_path / "my.yaml")


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_found_by_its_name(name):
    assert find_crf(name, CARD) == DenseCRF.preset(name)


def test_stored_parameters_are_those_of_the_card():
    crf = CRFS[1]
    card = dataclasses.replace(CARD, crf=plain_parameters(crf))
    assert find_crf("stored", card) == crf


@pytest.mark.parametrize("card", [None, CARD])
def test_without_stored_parameters_the_published_ones_are_taken_and_the_log_says_so(card, caplog):
    with caplog.at_level(logging.WARNING):
        assert find_crf("stored", card) == DenseCRF.preset("resnet101")
    assert "no CRF parameters are stored" in caplog.text


def test_stored_parameters_that_are_damaged_name_the_network():
    card = dataclasses.replace(CARD, crf={"bilaterl": 3})
    with pytest.raises(ValueError, match=r"network 'stored scores': .*'bilaterl'"):
        find_crf("stored", card)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ("vgg16-largefvo", "did you mean 'vgg16-largefov'"),
        ("cat.jpg", r"CRF 'cat\.jpg': give a preset \(resnet101, "),
        ("nowhere.yaml", "nowhere.yaml: no such file"),
    ],
)
def test_what_is_no_crf_says_what_is(choice, message):
    with pytest.raises(ValueError, match=message):
        find_crf(choice, CARD)
