import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.cli.main import main


@pytest.fixture
def voc_of_colours(tmp_path: Path) -> Path:
    """A red picture (cat, right), a green one (person, but called a cat in its label map)."""
    root = tmp_path / "colours"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
        Image.new("RGB", (12, 8), colour).save(root / "images" / "val" / f"{name}.png")
        Image.fromarray(np.full((8, 12), 1, np.uint8)).save(root / "masks" / "val" / f"{name}.png")
    return root


@pytest.fixture
def deeplab(monkeypatch, capsys):
    """Run a command in this process; give exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deeplab", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


def test_the_table_shows_class_scores_means_and_what_is_absent(
    deeplab, network_path, voc_of_colours
):
    code, out, _ = deeplab("evaluate", network_path, "--data", voc_of_colours, "--split", "val")
    assert code == 0
    rows = {
        line.split("│")[1].strip(): line.split("│")[2:5] for line in out.splitlines() if "│" in line
    }
    assert [cell.strip() for cell in rows["cat"]] == ["50.00", "50.00", "100.00"]
    assert rows["mean"][0].strip() == f"{100 * 0.5 / 3:.2f}"
    assert rows["all pixels"][1].strip() == "50.00"
    assert "IoU 0 by the rules: background" in out


def test_json_and_csv_are_written_with_the_settings(
    deeplab, network_path, voc_of_colours, tmp_path
):
    json_path, csv_path = tmp_path / "new" / "scores.json", tmp_path / "new" / "scores.csv"
    data = ("--data", voc_of_colours, "--split", "val", "--scales", "0.5,1", "--flip")
    code, _, _ = deeplab("evaluate", network_path, *data, "--json", json_path, "--csv", csv_path)
    assert code == 0
    document = json.loads(json_path.read_text())
    assert document["about"] == {
        "weights": str(network_path),
        "data": str(voc_of_colours),
        "split": "val",
        "scales": [0.5, 1.0],
        "flip": True,
        "limit": None,
    }
    assert document["class_iou"]["cat"] == 0.5
    rows = list(csv.DictReader(csv_path.read_text().splitlines()))
    assert {"metric": "iou", "class": "cat", "value": "0.5"} in rows


def test_progress_is_told_on_standard_error(deeplab, network_path, voc_of_colours):
    _, out, err = deeplab("evaluate", network_path, "--data", voc_of_colours, "--split", "val")
    assert "[2/2] scored" in err
    assert "scored" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--split", "vall"), "no split 'vall'"),
        (("--split", "val", "--scales", "half"), "--scales half: give numbers"),
        (("--split", "val", "--scales", "9"), "scale 9: allowed are"),
        (("--split", "val", "--json", "."), "is a folder"),
    ],
)
def test_a_mistake_ends_with_one_line_and_exit_code_2(
    deeplab, network_path, voc_of_colours, arguments, message
):
    code, out, err = deeplab("evaluate", network_path, "--data", voc_of_colours, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_unwritable_place_is_found_before_the_pictures_are_scored(
    deeplab, network_path, voc_of_colours, tmp_path
):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "scores.json"
    data = ("--data", voc_of_colours, "--split", "val")
    code, _, err = deeplab("evaluate", network_path, *data, "--json", target)
    assert code == 2
    assert "scored" not in err
