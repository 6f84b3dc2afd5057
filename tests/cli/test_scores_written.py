from pathlib import Path

import pytest

from deeplab.cli.scores_written import ScoreFiles


def test_a_folder_takes_all_files_but_those_that_were_given_a_place():
    files = ScoreFiles(csv=Path("mine.csv")).with_all_in(Path("all"))
    assert files.csv == Path("mine.csv")
    assert files.report == Path("all/report.html")
    assert files.json == Path("all/scores.json")
    assert ScoreFiles().with_all_in(None) == ScoreFiles()
    assert ScoreFiles().with_all_in(Path("all"), but=["confusion"]).confusion is None


@pytest.mark.parametrize(
    ("files", "measures"),
    [
        (ScoreFiles(), ()),
        (ScoreFiles(trimap=Path("t.csv")), ("trimap",)),
        (ScoreFiles(calibration=Path("c.csv")), ("calibration",)),
        (ScoreFiles(report=Path("r.html")), ("trimap", "boundary", "calibration")),
    ],
)
def test_only_what_a_file_needs_is_measured(files, measures):
    assert files.measures("voc12-lite") == measures
    assert set(files.measures("voc12-lite", boundary=True)) == {*measures, "boundary"}


def test_the_report_of_label_maps_has_no_calibration(tmp_path):
    (tmp_path / "a.png").touch()
    files = ScoreFiles(report=Path("r.html"))
    assert files.measures(str(tmp_path)) == ("trimap", "boundary")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (ScoreFiles(confusion=Path("c.csv")), "--confusion c.csv: .* ends in one of .png"),
        (ScoreFiles(calibration=Path("c.gif")), "--calibration c.gif: .* one of .csv, .png"),
        (ScoreFiles(report=Path("r.pdf")), "--report r.pdf: .* ends in one of .html"),
        (ScoreFiles(json=Path(".")), "is a folder"),
    ],
)
def test_a_file_that_cannot_be_written_is_found_out_first(files, message):
    pytest.importorskip("matplotlib", reason="drawing needs the plots extra")
    with pytest.raises(ValueError, match=message):
        files.check()


def test_the_folders_are_made_before_anything_is_scored(tmp_path):
    ScoreFiles(json=tmp_path / "a" / "b" / "scores.json").check()
    assert (tmp_path / "a" / "b").is_dir()
