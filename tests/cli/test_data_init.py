import sys

import pytest
from tests.data.init.samples import write_pair

from deeplab.cli.main import main
from deeplab.data import open_split


def run(monkeypatch, *words, code=None) -> None:
    monkeypatch.setattr(sys, "argv", ["deeplab", "data", "init", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code or None) == code


@pytest.fixture
def folder(tmp_path):
    for seed in range(10):
        write_pair(tmp_path / "mine", f"photos/{seed}.jpg", f"gt/{seed}_gt.png", seed)
    return tmp_path / "mine"


def test_a_folder_is_described_and_what_was_assumed_is_said(folder, monkeypatch, capsys):
    run(monkeypatch, folder, "--classes", "sky, road", "--void", "2")
    printed = capsys.readouterr()
    assert "layout:  pictures in photos, label maps in gt" in printed.out
    assert "splits:  train 8, val 2 pictures" in printed.out
    assert "void:    2 (and 255)" in printed.out
    assert f"written: {folder / 'data.yaml'}" in printed.out
    assert "deeplab data check" in printed.out
    assert "[10/10] looked at" in printed.err
    assert len(open_split(folder, "train").samples) == 8
    assert open_split(folder, "val").label_set.class_names == ("sky", "road")


def test_a_dry_run_shows_the_description_and_writes_nothing(folder, monkeypatch, capsys):
    before = sorted(folder.rglob("*"))
    run(monkeypatch, folder, "--dry-run", "--val", "0.5")
    printed = capsys.readouterr().out
    assert f"{folder / 'data.yaml'} would be:" in printed
    assert "mask_suffix: _gt.png" in printed.replace('"', "")
    assert f"{folder / 'val.txt'} would name 5 pictures" in printed
    assert sorted(folder.rglob("*")) == before


def test_folders_are_given_below_the_data_set(folder, monkeypatch, capsys):
    (folder / "gt").rename(folder / "odd")
    run(monkeypatch, folder, "--images", "photos", "--masks", "odd")
    assert "label maps in odd" in capsys.readouterr().out


def test_it_can_be_written_elsewhere(folder, tmp_path, monkeypatch):
    run(monkeypatch, folder, "--to", tmp_path / "to")
    assert not (folder / "data.yaml").exists()
    assert len(open_split(tmp_path / "to", "train").samples) == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--void", "x"], "--void x: give whole numbers"),
        (["--masks", "nowhere"], "nowhere: no such folder"),
        (["--distance", "200"], "distance 200: give the bits"),
    ],
)
def test_mistakes_end_with_one_line(words, message, folder, monkeypatch, capsys):
    run(monkeypatch, folder, *words, code=2)
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error
