import sys

import pytest

from deeplab.cli.main import main
from deeplab.data import open_split
from deeplab.evaluation.servers import VocServer


@pytest.fixture
def deeplab(monkeypatch, capsys):
    """Run `deeplab submit` in this process; give exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deeplab", "submit", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        captured = capsys.readouterr()
        return exit_info.value.code, captured.out, captured.err

    return run


@pytest.fixture
def root(fake_voc):
    return fake_voc / "VOCdevkit" / "VOC2012"


def test_the_default_weights_make_an_archive_that_is_checked(deeplab, root, tmp_path):
    words = ("voc12-lite", "--data", root, "--split", "val", "--out", tmp_path / "out")
    code, out, err = deeplab(*words)
    assert code == 0, err
    path = tmp_path / "out" / "comp6.tgz"
    assert out == f"{path}: checked and ready, 3 pictures (3 labelled now)\n"
    assert "[3/3] labelled" in err
    code, out, _ = deeplab("--check", path, "--data", root, "--split", "val")
    assert (code, out) == (0, f"{path}: fine, 3 pictures\n")


def test_a_wrong_file_is_one_line_and_exit_code_2(deeplab, root, tmp_path):
    server = VocServer()
    for sample in open_split(root, "val").samples[1:]:
        path = tmp_path / server.place(sample)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(server.encode(sample.read_labels(21)))
    code, _, err = deeplab("--check", tmp_path, "--data", root, "--split", "val")
    assert code == 2
    assert "3 of its files are wrong or missing" in err  # two hold void, one is missing
    assert "holds 255 (void)" in err
    assert "2012_000008.png: missing" in err
    assert err.count("\n") == 1


def test_weights_or_files_to_check_are_wanted_not_both(deeplab, root, tmp_path):
    for words in ((), ("voc12-lite", "--check", tmp_path)):
        code, _, err = deeplab(*words, "--data", root, "--split", "val")
        assert code == 2
        assert "give weights to make files for the server, or --check" in err
    code, _, err = deeplab("--check", tmp_path, "--flip", "--data", root, "--split", "val")
    assert code == 2
    assert "--check labels nothing" in err
