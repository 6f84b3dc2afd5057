from pathlib import Path

import pytest

from deeplab.cli.arguments import parse_range, parse_window, spell_out


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("segment cat.jpg --crf", "segment cat.jpg --crf=stored"),
        ("segment --crf cat.jpg", "segment --crf=stored cat.jpg"),
        ("segment --crf photos", "segment --crf=stored photos"),  # a folder that is there
        ("segment --crf a/b", "segment --crf=stored a/b"),
        ("segment cat.jpg --crf --flip", "segment cat.jpg --crf=stored --flip"),
        ("segment cat.jpg --crf vgg16-largefov", "segment cat.jpg --crf=vgg16-largefov"),
        ("segment --crf vgg16-largefvo a.jpg", "segment --crf=vgg16-largefvo a.jpg"),
        ("segment --crf my.yaml cat.jpg", "segment --crf=my.yaml cat.jpg"),
        ("segment --crf=a.jpg cat.jpg", "segment --crf=a.jpg cat.jpg"),
        ("segment -- --crf", "segment -- --crf"),
        ("evaluate --crf voc12-lite --data d", "evaluate --crf=stored voc12-lite --data d"),
        ("crf cat.jpg cat.npz", "crf refine cat.jpg cat.npz"),
        ("crf --stride 8 cat.jpg cat.npz", "crf refine --stride 8 cat.jpg cat.npz"),
        ("crf refine cat.jpg cat.npz", "crf refine cat.jpg cat.npz"),
        ("crf tune --data d", "crf tune --data d"),
        ("crf --help", "crf --help"),
        ("crf", "crf"),
        ("--help", "--help"),
        ("", ""),
    ],
)
def test_what_is_left_out_is_put_in(typed, meant, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("photos").mkdir()
    assert spell_out(typed.split()) == meant.split()


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("30:10:60", (30, 40, 50, 60)),
        ("3:0.1:3.3", (3, 3.1, 3.2, 3.3)),
        ("3:2:6", (3, 5)),
        ("4", (4,)),
    ],
)
def test_a_range_is_written_as_in_the_paper(text, values):
    assert parse_range(text, "--xy") == values


@pytest.mark.parametrize("text", ["", "a", "3:6", "6:1:3", "1:0:3", "1:2:3:4", "1:nan:3"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(ValueError, match=r"--xy .*: give FROM:STEP:TO, such as 30:10:100"):
        parse_range(text, "--xy")


def test_a_window_is_one_number_or_height_and_width():
    assert parse_window(None) is None
    assert parse_window("769") == 769
    assert parse_window("512,1024") == (512, 1024)
    for wrong in ("", "769x769", "1,2,3", "-5", "1.5"):
        with pytest.raises(
            ValueError, match=r"--window .*: give pixels, such as 769, or HEIGHT,WI"
        ):
            parse_window(wrong)
