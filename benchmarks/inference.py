"""Time inference against what one would write with torch: the cases of `inference_cases.py`.

Both sides of a case take turns, round after round, so that whatever else the machine does hits both
alike; the ratio is taken within each round. The first round does not count. Prints a Markdown table
for RESULTS.md.

    python benchmarks/inference.py [--rounds 9] [--cases upsample,warm] [--data ../shared/data]
        [--json FILE]
"""

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from cold_start import commit, hardware
from inference_cases import CASES, Case, Contest


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


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--cases", type=find_cases, default=CASES, help="keys, with commas between")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--json", type=Path, help="write the rows into this file, too")
    return parser.parse_args()


def find_cases(text: str) -> tuple[Case, ...]:
    known = {case.key: case for case in CASES}
    unknown = [key for key in text.split(",") if key not in known]
    if unknown:
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)}: cases are {', '.join(known)}")
    return tuple(known[key] for key in text.split(","))


def measure(case: Case, contest: Contest, rounds: int) -> Row:
    seconds: list[tuple[float, float]] = []
    for number in range(rounds + 1):
        took = (timed(contest.ours), timed(contest.theirs))
        if number:
            seconds.append(took)
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


def timed(run) -> float:
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


if __name__ == "__main__":
    main()
