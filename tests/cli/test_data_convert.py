import sys

import pytest
from tests.data.annotation_files import coco, save_json, save_picture, square

from deeplab.cli.main import main

CAT = {"segmentation": [square(0, 0, 4, 4)]}
CROWD = {"segmentation": {"size": [8, 10], "counts": [0, 80]}, "iscrowd": 1, "category_id": 2}


@pytest.fixture
def source(tmp_path):
    save_picture(tmp_path / "from" / "a.jpg")
    save_json(tmp_path / "from" / "labels.json", coco([CAT, CROWD]))
    return tmp_path / "from"


def run(monkeypatch, *words) -> int:
    monkeypatch.setattr(sys, "argv", ["deeplab", "data", "convert", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_it_says_what_it_took_it_for_what_came_of_it_and_what_it_decided(
    source, tmp_path, monkeypatch, capsys
):
    assert run(monkeypatch, source, "--to", tmp_path / "to") == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("taken for COCO JSON\nto: complete; all 1; 1 label maps (1 ")
    assert "[1/1] converted" in printed.err
    assert "note: 1 object marked iscrowd are void" in printed.err


def test_options_reach_the_conversion(source, tmp_path, monkeypatch, capsys):
    words = ("--classes", "dog, cat", "--crowds", "objects", "--format", "coco")
    assert run(monkeypatch, source, "--to", tmp_path / "to", *words) == 0
    assert "classes: [background, dog, cat]" in (tmp_path / "to" / "data.yaml").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--crowds", "people"), "allowed are auto, void and objects"),
        (("--format", "labelme"), "looks like COCO JSON"),
        (("--classes", "bird"), "unknown class 'bird'"),
    ],
)
def test_mistakes_end_with_one_line(source, tmp_path, monkeypatch, capsys, words, message):
    assert run(monkeypatch, source, "--to", tmp_path / "to", *words) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
