"""What commands print of the pictures that they have labelled."""

import sys
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from deeplab.inference import Outcome


def describe(outcome: "Outcome") -> str:
    """Tell of one picture in a line."""
    if outcome.status == "failed":
        return f"{outcome.name}: failed: {outcome.reason}"
    if outcome.status == "skipped":
        return f"{outcome.name}: skipped, results are there (--overwrite does it again)"
    found = ", ".join(f"{one.name} {_percent(one.share)}" for one in outcome.found)
    return f"{outcome.name}: {found}"


def show(outcomes: list["Outcome"]) -> None:
    """Print a table: of one picture, or of all pixels of many."""
    if len(outcomes) > 1:
        _show_many(outcomes)
        return
    (outcome,) = outcomes
    if outcome.status == "skipped":
        print(describe(outcome))
    elif outcome.status == "done":
        Console().print(_picture_table(outcome))
    for path in outcome.outputs.values():
        print(path)


def _show_many(outcomes: list["Outcome"]) -> None:
    done = [outcome for outcome in outcomes if outcome.status == "done"]
    if done:
        Console().print(_summary_table(done))
    counts = Counter(outcome.status for outcome in outcomes)
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))


def _picture_table(outcome: "Outcome") -> Table:
    table = Table("class", title=Text(outcome.name))
    table.add_column("share of the picture", justify="right")
    table.add_column("mean confidence", justify="right")
    for one in outcome.found:
        table.add_row(Text(one.name), _percent(one.share), _percent(one.confidence))
    return table


def _summary_table(done: list["Outcome"]) -> Table:
    """Add up what all pictures show: every pixel counts the same, however large its picture."""
    pictures: Counter[str] = Counter()
    pixels: defaultdict[str, float] = defaultdict(float)
    confidence: defaultdict[str, float] = defaultdict(float)
    for outcome in done:
        height, width = outcome.size or (0, 0)
        for one in outcome.found:
            pictures[one.name] += 1
            pixels[one.name] += one.share * height * width
            confidence[one.name] += one.confidence * one.share * height * width
    table = Table("class", title=f"{len(done)} pictures")
    for heading in ("in pictures", "share of all pixels", "mean confidence"):
        table.add_column(heading, justify="right")
    total = sum(pixels.values())
    for name, count in sorted(pixels.items(), key=lambda item: -item[1]):
        mean = confidence[name] / count
        table.add_row(Text(name), str(pictures[name]), _percent(count / total), _percent(mean))
    return table


def show_failures(outcomes: list["Outcome"]) -> None:
    """Say on standard error what could not be done, and why."""
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        print(f"{len(failed)} of {len(outcomes)} could not be done:", file=sys.stderr)
    for outcome in failed:
        print(f"  {outcome.name}: {outcome.reason}", file=sys.stderr)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
