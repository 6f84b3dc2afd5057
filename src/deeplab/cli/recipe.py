"""`deeplab recipe`: show recipes."""

from typing import Annotated

import typer

from deeplab.cli.arguments import Assignments


def recipe(
    name: Annotated[
        str | None, typer.Argument(help="A recipe's name, or a YAML file; none lists them all.")
    ] = None,
    set_: Assignments = None,
) -> None:
    """Print a recipe as YAML, every setting included: edit it and give it to `deeplab train`."""
    from deeplab import recipes
    from deeplab.runs import training as runs

    if name is None:
        for known, make in recipes.RECIPES.items():
            typer.echo(f"{known}: {(make.__doc__ or '').splitlines()[0]}")
        return
    typer.echo(runs.find_recipe(name, set_ or []).to_yaml(), nl=False)
