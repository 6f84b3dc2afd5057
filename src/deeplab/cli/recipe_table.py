"""A table of the paper with its recipes: drawn on a terminal, plain text for everything else."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.table import Table as Drawing
from rich.text import Text

if TYPE_CHECKING:
    from deeplab.recipes import Row, Table


def show_table(table: "Table") -> None:
    """Print a table: its rows, and how to train and score one."""
    title = f"Table {table.number}: {table.title}"
    headings = (*table.columns, "recipe", "paper", "with CRF", "ours", "with CRF")
    rows = [(*row.cells, row.recipe, *_scores(row)) for row in table.rows]
    console = Console()
    if console.is_terminal:
        console.print(_draw(title, headings, rows, num_words=len(table.columns) + 1))
    else:
        typer.echo(title)
        for line in _align([headings, *rows]):
            typer.echo(line)
    for line in _notes(table):
        typer.echo(line)


def _scores(row: "Row") -> tuple[str, ...]:
    scores = (row.miou, row.miou_with_crf, row.measured, row.measured_with_crf)
    return tuple("-" if score is None else f"{score:.2f}" for score in scores)


def _draw(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, num_words: int
) -> Drawing:
    drawing = Drawing(title=Text(title))
    for place, heading in enumerate(headings):
        drawing.add_column(
            heading,
            justify="left" if place < num_words else "right",
            overflow="fold",  # a name that is cut short cannot be copied
        )
    for row in rows:
        drawing.add_row(*map(Text, row))
    return drawing


def _align(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _notes(table: "Table") -> list[str]:
    lines = ["", "mIoU in percent; -: no such row, or not measured by us"]
    lines += [f"Not published, so ours: {table.ours}"] if table.ours else []
    lines += [f"Not as published: {table.remark}"] if table.remark else []
    return [
        *lines,
        "Train:  deeplab train RECIPE --data DIR   (--check looks everything over first)",
        f"Score:  deeplab evaluate runs/RECIPE/last.safetensors {table.evaluate}",
        f"        {table.crf} for the scores with CRF",
    ]
