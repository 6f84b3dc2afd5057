import sys
from collections.abc import Callable

import pytest

import deeplab
from deeplab.cli import main as cli_main


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line; gives exit code, standard output and standard error."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["deeplab", *arguments])
        with pytest.raises(SystemExit) as exit_info:
            cli_main.main()
        return int(exit_info.value.code or 0), *capsys.readouterr()

    return run


Run = Callable[..., tuple[int, str, str]]


def _command_that_raises(error: BaseException) -> Callable[..., None]:
    def command() -> None:
        raise error

    return command


def test_help_lists_every_command(run: Run) -> None:
    code, out, _ = run("--help")
    assert code == 0
    assert all(f" {name} " in out for name in (*cli_main.COMMANDS, *cli_main.GROUPS))


@pytest.mark.parametrize(
    "words",
    [
        *((name,) for name in cli_main.COMMANDS),
        *((name, second) for name, group in cli_main.GROUPS.items() for second in group),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(words: tuple[str, ...], run: Run) -> None:
    code, out, _ = run(*words, "--help")
    assert code == 0
    assert f"deeplab {' '.join(words)}" in out


@pytest.mark.parametrize("words", [("crf",), ("crf", "--help")])
def test_help_of_a_group_lists_its_commands(words: tuple[str, ...], run: Run) -> None:
    _, out, err = run(*words)
    assert all(f" {name} " in out + err for name in cli_main.GROUPS["crf"])


def test_the_version_is_printed(run: Run) -> None:
    assert run("--version") == (0, f"deeplab {deeplab.__version__}\n", "")


def test_an_unknown_command_is_a_mistake_of_the_user(run: Run) -> None:
    code, _, err = run("segmemt")
    assert code == 2
    assert "segmemt" in err


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("scale 9: allowed are 0.1 to 4"), "error: scale 9: allowed are 0.1 to 4\n"),
        (FileNotFoundError(2, "No such file", "x"), "error: [Errno 2] No such file: 'x'\n"),
        (
            ModuleNotFoundError("no torch", name="torch.nn"),
            "error: this needs torch, which is not installed: pip install 'deeplabkit[train]'\n",
        ),
        (
            ModuleNotFoundError("no matplotlib", name="matplotlib"),
            "error: this needs matplotlib, which is not installed: "
            "pip install 'deeplabkit[plots]'\n",
        ),
        (ImportError("the compiled part is missing"), "error: the compiled part is missing\n"),
        (
            ModuleNotFoundError("no onnx", name="onnx"),
            "error: this needs onnx, which is not installed: pip install 'deeplabkit[export]'\n",
        ),
    ],
)
def test_errors_become_one_line_and_exit_code_2(
    error: Exception, message: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cli_main.COMMANDS, "fail", _command_that_raises(error))
    assert run("fail") == (2, "", message)


def test_our_own_bugs_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(cli_main.COMMANDS, "fail", _command_that_raises(AssertionError("bug")))
    monkeypatch.setattr(sys, "argv", ["deeplab", "fail"])
    with pytest.raises(AssertionError, match="bug"):
        cli_main.main()
