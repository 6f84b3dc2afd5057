"""`deeplab weights verify`: are weight files what they should be?"""

import sys
from typing import Annotated

import typer


def verify(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="Default: all that are here.")
    ] = None,
) -> None:
    """Compare weight files with their SHA-256. Exit code 1: at least one is damaged."""
    from deeplab.runs import weight_fetch

    verdicts = weight_fetch.verify(name)
    for one in verdicts:
        if one.status == "right":
            print(f"{one.path}: right, SHA-256 {one.found} (compared with: {one.basis})")
        elif one.status == "unknown":
            print(f"{one.path}: no hash of it is known; its SHA-256 is {one.found}")
        else:
            print(
                f"{one.path}: damaged, SHA-256 {one.found}, but {one.expected} ({one.basis})",
                file=sys.stderr,
            )
    if any(one.status == "damaged" for one in verdicts):
        raise typer.Exit(1)
