"""The progress bar that all commands show on a terminal."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def make_bar(console: Console, *details: str, transient: bool = False) -> Progress:
    """Make a bar: what is done, how far it is, details, time left; hidden where nobody watches.

    Args:
        console: Where to draw.
        details: rich templates of further columns, such as "{task.fields[figures]}".
        transient: Whether the bar goes away at the end.
    """
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *(TextColumn(detail) for detail in details),
        TimeRemainingColumn(),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )
