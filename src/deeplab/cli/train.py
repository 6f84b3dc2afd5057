"""`deeplab train`: train a recipe, or go on with a run that was interrupted."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a YAML file.")],
    data: Annotated[
        Path, typer.Option(help="Folder that the recipe's data folders stand in.")
    ] = Path("."),
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder; a run found there goes on. Default: runs/NAME."),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
) -> None:
    """Train a recipe. The same command again goes on where an interrupted run stopped."""
    import logging

    from rich.logging import RichHandler

    from deeplab import runs

    logging.basicConfig(
        level=logging.INFO,
        format="%(message)s",
        handlers=[RichHandler(show_path=False)],
        force=True,  # in place of what `main` set up for the other commands
    )
    chosen = runs.find_recipe(recipe, set_ or [])
    best = runs.train(chosen, data_dir=data, run_dir=out or Path("runs") / chosen.name)
    typer.echo(f"done: {best}")
