"""`deeplab weights list`: what is published, by us and by others, and what is here."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from deeplab.runs.weight_files import Known

_HEADINGS = ("name", "network", "classes", "mIoU, as told by", "size", "here")


def list_(
    commercial_ok: Annotated[
        bool,
        typer.Option(
            "--commercial-ok",
            help="Only weights whose licence and training data allow commercial use, read "
            "carefully; see `weights show NAME` for the reasons.",
        ),
    ] = False,
    layout: Annotated[
        str | None, typer.Option(help="Only of this layout, such as kazuto1011-msc.")
    ] = None,
    classes: Annotated[int | None, typer.Option(help="Only with so many classes.")] = None,
) -> None:
    """List weights: ours, those you imported, and those that others published.

    Scores of others are what they say; we did not measure them. Without a terminal: one line for
    each, its columns separated by tabs.
    """
    from deeplab.runs import weight_files

    known = weight_files.list_known(commercial_ok=commercial_ok, layout=layout, num_classes=classes)
    if not known:
        _say_none(commercial_ok=commercial_ok, layout=layout)
    elif sys.stdout.isatty():
        _show(known)
    else:
        for one in known:
            print("\t".join(_row(one)))


def _say_none(*, commercial_ok: bool, layout: str | None) -> None:
    from deeplab.runs import weight_files

    if commercial_ok:
        print(
            "no weights: all learnt from pictures whose terms do not clearly allow commercial use "
            "(`deeplab weights show NAME` says which); train on your own data for that",
            file=sys.stderr,
        )
        return
    layouts = sorted({one.layout for one in weight_files.list_known()})
    more = f"; layouts: {', '.join(layouts)}" if layout is not None else ""
    print(f"no weights are like this{more}", file=sys.stderr)


def _show(known: list["Known"]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*_HEADINGS[:2])
    table.add_column(_HEADINGS[2], justify="right")
    table.add_column(_HEADINGS[3])
    table.add_column(_HEADINGS[4], justify="right")
    table.add_column(_HEADINGS[5])
    kind = known[0].kind
    for one in known:
        if one.kind != kind:
            table.add_section()
            kind = one.kind
        table.add_row(*map(Text, _row(one)))
    Console().print(table)


def _row(one: "Known") -> tuple[str, ...]:
    here = {"ours": "here", "imported": "imported", "elsewhere": "fetched"}[one.kind]
    return (
        one.name,
        one.network,
        str(one.num_classes),
        one.score or "-",
        "-" if one.size_mb is None else f"{one.size_mb:.1f} MB",
        here if one.path is not None else "-",
    )
