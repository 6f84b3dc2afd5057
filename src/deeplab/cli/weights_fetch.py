"""`deeplab weights fetch`: a weight file that others published, from where they published it."""

from pathlib import Path
from typing import Annotated

import typer

from deeplab.cli.progress import show_progress


def fetch(
    name: Annotated[str, typer.Argument(help="As `weights list` shows it.")],
    to: Annotated[
        Path | None, typer.Option(help="Folder; default: the cache, where `import` finds it.")
    ] = None,
) -> None:
    """Fetch a weight file; the same command goes on after an interruption."""
    from deeplab.runs import weight_fetch

    with show_progress("fetching (MB)", "megabytes fetched") as tell:
        fetched = weight_fetch.fetch_weights(name, folder=to, tell=tell)
    print(fetched.path)
    if fetched.expected is not None and not fetched.basis.startswith("what it was"):
        print(f"SHA-256 {fetched.found}: as published")
    else:
        print(f"SHA-256 {fetched.found}; {weight_fetch.say_published(name)}")
    source = name if to is None else str(fetched.path)
    print(f"next: deeplab weights import {source}")
