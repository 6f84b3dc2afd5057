import sys

import pytest

from deeplab.cli.main import main


def run(monkeypatch, *words) -> None:
    monkeypatch.setattr(sys, "argv", ["deeplab", "data", "prepare", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def test_a_partial_set_is_prepared_with_a_warning(fake_voc, tmp_path, monkeypatch, capsys):
    run(monkeypatch, "voc12", "--from", fake_voc, "--to", tmp_path / "to")
    printed = capsys.readouterr()
    assert printed.out.startswith("voc12: PARTIAL (train: 8 of 1464 pictures; ")
    assert printed.out.count("\n") == 1
    assert "11 label maps (11 written now), sha256 " in printed.out
    assert "[11/11] prepared" in printed.err
    assert "warning: this is not the full set" in printed.err
    run(monkeypatch, "voc12", "--from", fake_voc, "--to", tmp_path / "to")
    assert "11 label maps (0 written now)" in capsys.readouterr().out


def test_mistakes_end_with_one_line(tmp_path, monkeypatch, capsys):
    words = ["deeplab", "data", "prepare", "voc", "--from", str(tmp_path), "--to", "to"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith("error: unknown data set 'voc': did you mean 'voc12'?")
    assert message.count("\n") == 1
