import sys

import pytest
from tests.data import faults
from tests.data.small_set import label_paths, make_set

from deeplab.cli.main import main


def run(monkeypatch, *words) -> int:
    monkeypatch.setattr(sys, "argv", ["deeplab", "data", "check", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_set_without_faults_ends_well(tmp_path, monkeypatch, capsys):
    assert run(monkeypatch, make_set(tmp_path)) == 0
    printed = capsys.readouterr()
    assert printed.out == "9 pictures: nothing wrong was found\n"
    assert "[18/18] files checked" in printed.err


def test_errors_end_with_code_1_and_say_what_to_do(tmp_path, monkeypatch, capsys):
    faults.binary_masks(tmp_path)
    assert run(monkeypatch, tmp_path / "data.yaml") == 1
    text = capsys.readouterr().out
    assert "error: label maps that hold 0 and 255" in text
    assert "What to do: Write `values: [0, 255]` into data.yaml" in text
    assert "With --fix: 255 becomes 1." in text
    assert "    ... 1 more" in text
    assert text.endswith("6 pictures: 1 error\n")


def test_warnings_end_with_code_0(tmp_path, monkeypatch, capsys):
    faults.near_duplicate(tmp_path)
    assert run(monkeypatch, tmp_path) == 0
    assert "9 pictures: 1 warning" in capsys.readouterr().out


def test_one_split_can_be_checked_alone(tmp_path, monkeypatch):
    make_set(tmp_path)
    label_paths(tmp_path, "val")[0].unlink()
    assert run(monkeypatch, tmp_path, "--split", "train") == 0
    assert run(monkeypatch, tmp_path, "--split", "train", "--split", "val") == 1


def test_the_report_is_written(tmp_path, monkeypatch, capsys):
    faults.colour_masks(tmp_path)
    assert run(monkeypatch, tmp_path, "--report", tmp_path / "new" / "check.html") == 1
    assert "colour-masks" in (tmp_path / "new" / "check.html").read_text()
    assert str(tmp_path / "new" / "check.html") in capsys.readouterr().out


def test_a_mended_copy_is_written_checked_and_told(tmp_path, monkeypatch, capsys):
    root = tmp_path / "set"
    root.mkdir()
    faults.ids_from_one(root)
    assert run(monkeypatch, root, "--fix", "--to", tmp_path / "copy") == 0
    text = capsys.readouterr().out
    assert "a copy, in which 6 things were mended" in text
    assert "off-by-one (6): train/0 1 is subtracted, void stays, ..." in text
    assert text.endswith("the copy: 6 pictures: nothing wrong was found\n")
    assert run(monkeypatch, tmp_path / "copy") == 0


@pytest.mark.parametrize("words", [["--fix"], ["--to", "copy"]])
def test_fix_and_to_belong_together(tmp_path, monkeypatch, capsys, words):
    assert run(monkeypatch, make_set(tmp_path), *words) == 2
    assert "--fix and --to belong together" in capsys.readouterr().err
