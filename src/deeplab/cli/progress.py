"""How all commands tell how far they are: a bar on a terminal, else lines."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


@contextmanager
def show_progress(doing: str, done: str) -> Iterator[Callable[[int, int], None]]:
    """Tell how far it is: a bar on a terminal, else a line after every tenth.

    Args:
        doing: What the bar says, such as "scoring".
        done: What the lines say, such as "scored".

    Yields:
        A function to be told how many of how many are done.
    """
    if not sys.stderr.isatty():
        yield tell_tenths(done)
        return
    with make_bar(Console(stderr=True), transient=True) as bar:
        task = bar.add_task(doing, total=None)
        yield lambda number, total: bar.update(task, completed=number, total=total)


def tell_tenths(done: str) -> Callable[[int, int], None]:
    """Make what prints a line after every tenth.

    Args:
        done: What the lines say, such as "scored".
    """
    told = 0

    def tell(number: int, total: int) -> None:
        nonlocal told
        tenth = 10 * number // max(total, 1)
        if tenth != told:
            told = tenth
            if tenth:
                print(f"[{number}/{total}] {done}", file=sys.stderr)

    return tell
