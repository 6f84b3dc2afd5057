"""The command `deeplab`: a table of commands, and what happens to errors.

Command modules import nothing heavy at their top, so that `deeplab --help` answers at once.
"""

import io
import logging
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import deeplab
from deeplab.cli.arguments import spell_out
from deeplab.cli.benchmark import benchmark
from deeplab.cli.crf import refine
from deeplab.cli.crf_tune import tune
from deeplab.cli.data_check import check
from deeplab.cli.data_convert import convert
from deeplab.cli.data_init import init
from deeplab.cli.data_prepare import prepare
from deeplab.cli.evaluate import evaluate
from deeplab.cli.export import export
from deeplab.cli.recipe import recipe
from deeplab.cli.segment import segment
from deeplab.cli.submit import submit
from deeplab.cli.train import train
from deeplab.cli.weights_fetch import fetch
from deeplab.cli.weights_import import import_
from deeplab.cli.weights_list import list_
from deeplab.cli.weights_show import show
from deeplab.cli.weights_verify import verify

COMMANDS: dict[str, Callable[..., None]] = {
    "segment": segment,
    "evaluate": evaluate,
    "submit": submit,
    "train": train,
    "recipe": recipe,
    "export": export,
    "benchmark": benchmark,
}

GROUPS: dict[str, dict[str, Callable[..., None]]] = {
    "crf": {"refine": refine, "tune": tune},
    "data": {"init": init, "check": check, "convert": convert, "prepare": prepare},
    "weights": {
        "list": list_,
        "show": show,
        "fetch": fetch,
        "import": import_,
        "verify": verify,
    },
}
"""Commands of two words."""

_EXTRAS = {
    "defusedxml": "data",
    "imagecodecs": "tiff",
    "matplotlib": "plots",
    "onnx": "export",
    "onnxscript": "export",
    "openvino": "openvino",
    "optuna": "tune",
    "pycocotools": "data",
    "rasterio": "geo",
    "scipy": "data",
    "tifffile": "tiff",
    "yaml": "data",
}
"""The extra that brings a package; every other one that can lack is in `train`."""


def main() -> None:
    """Run the command line; mistakes of users end with one line and exit code 2."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # file names may hold bytes that are no text
            stream.reconfigure(errors="backslashreplace")
    try:
        _app()(spell_out(sys.argv[1:]), prog_name="deeplab")
    except BrokenPipeError:  # the reader of our output has gone, as in `deeplab ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package == "deeplab":
            raise
        extra = _EXTRAS.get(package, "train")
        _fail(f"this needs {package}, which is not installed: pip install 'deeplabkit[{extra}]'")
    except (ValueError, OSError, ImportError) as error:  # ImportError: nothing compiled is here
        _fail(str(error))


def _app() -> typer.Typer:
    app = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=_HELP
    )
    app.callback()(_options)
    for name, command in COMMANDS.items():
        app.command(name)(command)
    for name, commands in GROUPS.items():
        group = typer.Typer(no_args_is_help=True, help=_GROUP_HELP[name])
        for second_name, command in commands.items():
            group.command(second_name)(command)
        app.add_typer(group, name=name)
    return app


_HELP = "DeepLab v2: masks of photos in one command; training, evaluation, export."
_GROUP_HELP = {
    "crf": "Refine class scores from anywhere with the fully connected CRF: "
    "`deeplab crf PHOTO SCORES.npz` (short for `deeplab crf refine ...`); or find its parameters.",
    "data": "Data sets: describe and check your own, convert annotations, prepare the paper's.",
    "weights": "Weight files: ours and those that others published; fetch, import and check them.",
}


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        typer.echo(f"deeplab {deeplab.__version__}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


def _fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    raise SystemExit(2)
