"""`deeplab recipe`: show recipes, and those of the paper's tables."""

from typing import Annotated

import typer

from deeplab.cli.arguments import Assignments


def recipe(
    name: Annotated[
        str | None, typer.Argument(help="A recipe's name, or a YAML file; none lists them all.")
    ] = None,
    set_: Assignments = None,
    table: Annotated[
        int | None,
        typer.Option(
            metavar="NUMBER", help="List the recipes of a table of the paper, row by row."
        ),
    ] = None,
) -> None:
    """Print a recipe as YAML, every setting included: edit it and give it to `deeplab train`."""
    from deeplab import recipes
    from deeplab.cli.recipe_table import show_table
    from deeplab.runs import training as runs

    if table is not None:
        if name is not None or set_:
            raise ValueError(f"--table {table} lists recipes: leave out the name and --set")
        show_table(recipes.find_table(table))
    elif name is None:
        for known, make in recipes.RECIPES.items():
            typer.echo(f"{known}: {(make.__doc__ or '').splitlines()[0]}")
    else:
        typer.echo(runs.find_recipe(name, set_ or []).to_yaml(), nl=False)
