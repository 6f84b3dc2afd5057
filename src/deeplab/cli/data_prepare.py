"""`deeplab data prepare`: a data set of the paper from its official files, checked."""

from pathlib import Path
from typing import Annotated

import typer

from deeplab.cli.progress import show_progress


def prepare(
    name: Annotated[str, typer.Argument(help="Such as voc12; a wrong name lists all.")],
    source: Annotated[
        Path, typer.Option("--from", help="Folder that holds the official files, unpacked.")
    ],
    target: Annotated[Path, typer.Option("--to", help="Folder for the prepared set.")],
    download: Annotated[
        bool,
        typer.Option(
            "--download", help="Fetch the official files into --from first, where they are free."
        ),
    ] = False,
    skip_empty: Annotated[
        bool,
        typer.Option("--skip-empty", help="coco only: leave out pictures without any object."),
    ] = False,
) -> None:
    """Prepare a data set of the paper: label maps, lists and data.yaml, all counted and checked.

    The same command goes on after an interruption; a second one checks everything again.
    """
    from deeplab.data import prepare as sets
    from deeplab.data.prepared import Options

    sets.find_set(name)
    if download:
        from deeplab.data.download import fetch_set

        with show_progress("fetching (MB)", "megabytes fetched") as tell:
            fetch_set(name, source, tell=tell)
    with show_progress("preparing", "prepared") as tell:
        options = Options(tell=tell, skip_empty=skip_empty)
        prepared = sets.prepare(name, source, target, options)
    print(prepared.summary())
    if prepared.lacking:
        typer.echo("warning: this is not the full set; what lacks is said above", err=True)
