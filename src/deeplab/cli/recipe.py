"""`deeplab recipe`: show recipes."""

from typing import Annotated

import typer


def recipe(
    name: Annotated[
        str | None, typer.Argument(help="A recipe's name, or a YAML file; none lists them all.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
    ] = None,
) -> None:
    """Print a recipe as YAML, every setting included: edit it and give it to `deeplab train`."""
    from deeplab import recipes, runs

    if name is None:
        for known, make in recipes.RECIPES.items():
            typer.echo(f"{known}: {(make.__doc__ or '').splitlines()[0]}")
        return
    typer.echo(runs.find_recipe(name, set_ or []).to_yaml(), nl=False)
