"""Time inference against what one would write with torch: the cases of `inference_cases.py`.

Both sides of a case take turns, round after round, so that whatever else the machine does hits both
alike; the ratio is taken within each round. In its turn a side runs twice, and the second time
counts. Prints a Markdown table for RESULTS.md. Before the case `warm`, `deeplab benchmark` finds
out what `--engine auto` is to take on this machine, as README.md tells users to; what it found is
remembered, as it is for them.

    python benchmarks/inference.py [--rounds 9] [--cases upsample,warm] [--data ../shared/data]
        [--json FILE] [--plot FILE]
"""

import argparse
import json
import statistics
import tempfile
import textwrap
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from cold_start import commit, hardware
from inference_cases import CASES, Case, Contest
from matplotlib.figure import Figure

from deeplab.evaluation.plots import save_figure


@dataclass(frozen=True)
class Row:
    """What came of a case; times are medians."""

    key: str
    name: str
    against: str
    ours_ms: float
    theirs_ms: float
    ratio: float
    least: float
    most: float
    at_least: float
    aim: float
    agreement: str


def main() -> None:
    options = parse()
    rows = []
    for case in options.cases:
        with tempfile.TemporaryDirectory() as folder:
            try:
                contest = case.prepare(options.data, Path(folder))
            except FileNotFoundError as error:
                print(f"{case.key} is left out: {error}\n")
                continue
            rows.append(measure(case, contest, options.rounds))
    where = f"{hardware()}; commit {commit()}; {options.rounds} rounds"
    print(f"{where}\n")
    print_table(rows)
    if options.json is not None:
        content = {"where": where, "rows": [asdict(row) for row in rows]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    if options.plot is not None:
        draw(options.plot, rows, title=where)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cases", type=find_cases, default=CASES, help="keys, with commas between")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path, help="write the rows into this file, too")
    parser.add_argument("--plot", type=Path, help="draw them, too (.png, .svg or .pdf)")
    return parser.parse_args()


def find_cases(text: str) -> tuple[Case, ...]:
    known = {case.key: case for case in CASES}
    unknown = [key for key in text.split(",") if key not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: cases are {', '.join(known)}")
    return tuple(known[key] for key in text.split(","))


def measure(case: Case, contest: Contest, rounds: int) -> Row:
    seconds: list[tuple[float, float]] = []
    for _ in range(rounds):
        seconds.append((timed(contest.ours), timed(contest.theirs)))
    ratios = [theirs / ours for ours, theirs in seconds]
    ours, theirs = (1000 * statistics.median(side) for side in zip(*seconds, strict=True))
    return Row(
        case.key,
        case.name,
        case.against,
        ours,
        theirs,
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        case.at_least,
        case.aim,
        contest.agreement(),
    )


def timed(run: Callable[[], object]) -> float:
    """Run twice and time the second: the other side's threads may still be turning before."""
    run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def print_table(rows: list[Row]) -> None:
    print("| case | against | ours, ms | theirs, ms | times as fast | at least, aim | the same |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row.name} | {row.against} | {row.ours_ms:.1f} | {row.theirs_ms:.1f} "
            f"| **{row.ratio:.2f}** ({row.least:.2f} to {row.most:.2f}) "
            f"| {row.at_least:g}, {row.aim:g} | {row.agreement} |"
        )


def draw(path: Path, rows: list[Row], *, title: str) -> None:
    """Draw how many times as fast each case is, over all rounds, and what is wanted at least."""
    figure = Figure(figsize=(9, 0.55 * len(rows) + 1.4), layout="constrained")
    figure.suptitle("\n".join(textwrap.wrap(title, 100)), fontsize="small")
    axes = figure.add_subplot()
    places = range(len(rows), 0, -1)
    ratios = [row.ratio for row in rows]
    beyond = [[row.ratio - row.least for row in rows], [row.most - row.ratio for row in rows]]
    axes.barh(
        places, ratios, xerr=beyond, capsize=3, height=0.6, color="#7fb2d9", label="median, range"
    )
    axes.plot([row.at_least for row in rows], places, "k|", ms=18, mew=2, label="wanted at least")
    axes.axvline(1, color="grey", lw=0.8)
    names = [f"{row.name}\nagainst {row.against}" for row in rows]
    axes.set_yticks(list(places), names, fontsize="x-small")
    axes.set_xlabel("times as fast")
    axes.legend(loc="lower right", fontsize="small")
    save_figure(figure, path)


if __name__ == "__main__":
    main()
