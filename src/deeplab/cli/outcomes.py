"""What commands print of the pictures that they have labelled."""

import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from deeplab.inference import Outcome

_MOST_FAILURES = 1000  # so many are listed at the end


def describe(outcome: "Outcome") -> str:
    """Tell of one picture in a line."""
    if outcome.status == "failed":
        return f"{outcome.name}: failed: {outcome.reason}"
    if outcome.status == "skipped":
        return f"{outcome.name}: skipped, results are there (--overwrite does it again)"
    found = ", ".join(f"{one.name} {_percent(one.share)}" for one in outcome.found)
    return f"{outcome.name}: {found}"


class Tally:
    """Adds up what became of pictures: of a hundred thousand it holds little more than of one."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._last: Outcome | None = None
        self._failures: list[tuple[str, str]] = []
        self._in_pictures: Counter[str] = Counter()
        self._pixels: defaultdict[str, float] = defaultdict(float)
        self._confidence: defaultdict[str, float] = defaultdict(float)

    def add(self, outcome: "Outcome") -> None:
        """Count one more; every pixel counts the same, however large its picture."""
        self.counts[outcome.status] += 1
        self._last = outcome
        if outcome.status == "failed" and len(self._failures) < _MOST_FAILURES:
            self._failures.append((outcome.name, outcome.reason))
        height, width = outcome.size or (0, 0)
        for one in outcome.found:
            self._in_pictures[one.name] += 1
            self._pixels[one.name] += one.share * height * width
            self._confidence[one.name] += one.confidence * one.share * height * width

    def show(self) -> None:
        """Print a table: of the only picture, or of all pixels of many."""
        if self.counts.total() == 1 and self._last is not None:
            show(self._last)
            return
        if self.counts["done"]:
            Console().print(self._table())
        if self.counts:
            print(", ".join(f"{count} {status}" for status, count in sorted(self.counts.items())))

    def show_failures(self) -> None:
        """Say on standard error what could not be done, and why."""
        num_failed = self.counts["failed"]
        if num_failed:
            total = self.counts.total()
            print(f"{num_failed} of {total} could not be done:", file=sys.stderr)
        for name, reason in self._failures:
            print(f"  {name}: {reason}", file=sys.stderr)
        if num_failed > len(self._failures):
            print(f"  and {num_failed - len(self._failures)} more", file=sys.stderr)

    def _table(self) -> Table:
        table = Table("class", title=f"{self.counts['done']} pictures")
        for heading in ("in pictures", "share of all pixels", "mean confidence"):
            table.add_column(heading, justify="right")
        total = sum(self._pixels.values())
        for name, count in sorted(self._pixels.items(), key=lambda item: -item[1]):
            mean = _percent(self._confidence[name] / count)
            in_pictures = str(self._in_pictures[name])
            table.add_row(Text(name), in_pictures, _percent(count / total), mean)
        return table


def show(outcome: "Outcome") -> None:
    """Print what became of one picture: a table of its classes, and the files of its results."""
    if outcome.status == "skipped":
        print(describe(outcome))
    elif outcome.status == "done":
        Console().print(_picture_table(outcome))
    for path in outcome.outputs.values():
        print(path)


def _picture_table(outcome: "Outcome") -> Table:
    table = Table("class", title=Text(outcome.name))
    table.add_column("share of the picture", justify="right")
    table.add_column("mean confidence", justify="right")
    for one in outcome.found:
        table.add_row(Text(one.name), _percent(one.share), _percent(one.confidence))
    return table


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
