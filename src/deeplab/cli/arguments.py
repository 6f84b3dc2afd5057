"""How several commands read the same kind of option."""

from typing import Annotated

import typer

Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; may be repeated."),
]
"""`--set`, for `runs.find_recipe`."""


def parse_numbers(text: str, option: str) -> tuple[float, ...]:
    """Read numbers with commas between them.

    Args:
        text: Such as "0.5,0.75,1".
        option: What the user calls it, for the message.

    Raises:
        ValueError: There is none, or something else than numbers.
    """
    try:
        return tuple(float(item) for item in text.split(","))
    except ValueError:
        raise ValueError(
            f"{option} {text}: give numbers with commas between them, such as 0.5,0.75,1"
        ) from None
