"""`deeplab train`: train a recipe, or go on with a run that was interrupted."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.logging import RichHandler

from deeplab.cli.arguments import Assignments
from deeplab.cli.progress import make_bar

if TYPE_CHECKING:
    from deeplab import training


def train(
    recipe: Annotated[
        str, typer.Argument(help="A recipe's name, or a YAML file; none: your own data.")
    ] = "finetune",
    data: Annotated[
        Path,
        typer.Option(
            help="Your data set: a data.yaml, or a folder with it or with images and masks; for "
            "other recipes the folder that their data folders stand in."
        ),
    ] = Path("."),
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; a run found there goes on. Default: runs/NAME."),
    ] = None,
    set_: Assignments = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Look data, starting weights and settings over; no training."),
    ] = False,
) -> None:
    """Train a recipe. The same command again goes on where an interrupted run stopped."""
    from deeplab.runs import training as runs

    console = Console(stderr=True)
    _show_log(console)
    chosen = runs.find_recipe(recipe, set_ or [])
    run_dir = out or Path("runs") / chosen.name
    if check:
        runs.check(chosen, data_dir=data, run_dir=run_dir)
        typer.echo(f"{chosen.name}: can start (nothing was trained)")
        return
    with _bar(console, chosen.train.iterations) as tell:
        best = runs.train(chosen, data_dir=data, run_dir=run_dir, watch=tell)
    typer.echo(f"done: {best}")


def _show_log(console: Console) -> None:
    """Show what the run tells: above the bar on a terminal, else as lines with time and level."""
    handler = RichHandler(console=console, show_path=False) if console.is_terminal else None
    logging.basicConfig(
        level=logging.INFO,
        format="%(message)s" if handler else "%(asctime)s %(levelname)s %(message)s",
        handlers=[handler or logging.StreamHandler()],
        force=True,  # `main` has set up warnings alone
    )


@contextmanager
def _bar(console: Console, iterations: int) -> Iterator[Callable[["training.Progress"], None]]:
    bar = make_bar(console, "{task.fields[figures]}")
    task = bar.add_task("training", total=iterations, figures="")

    def tell(progress: "training.Progress") -> None:
        bar.start()  # not before: of several processes only the one that reports has a bar
        bar.update(task, completed=progress.step, figures=str(progress))

    try:
        yield tell
    finally:
        bar.stop()
