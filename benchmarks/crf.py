"""Time the dense CRF against pydensecrf2, which runs on one thread, and compare their results.

Everything on a picture takes turns, round after round, so that whatever else the machine does hits
all alike; a ratio is that of the medians over the rounds. Times include building the lattices.
Prints Markdown tables for RESULTS.md.

    python benchmarks/crf.py [--rounds 7] [--data ../shared/data] [--large-rounds 5]
"""

import argparse
import dataclasses
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from cold_start import commit, hardware
from crf_cases import (
    ITERATIONS,
    OUR_CRF,
    Case,
    enlarged_case,
    peer_marginals,
    real_cases,
    synthetic_case,
)
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from deeplab.crf import DenseCRF, _kernel

Infer = Callable[[Case], NDArray[np.float32]]
NUM_LABELS, LARGE_LABELS, LARGE_SIZE = 21, 19, (1024, 2048)


@dataclass
class Row:
    """One way to run our engine, and what came of it on every picture."""

    name: str
    infer: Infer
    seconds: list[list[float]] = field(default_factory=list)  # [picture][round]
    differing: int = 0  # pixels whose label is not the peer's
    largest: float = 0.0  # difference of marginals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--large-rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--large", nargs=2, metavar=("WHO", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        run_large(options.large[0], Path(options.large[1]))
        return
    cases = real_cases(options.data)
    made = [synthetic_case(case, NUM_LABELS, seed) for seed, case in enumerate(cases)]
    print(
        f"{hardware()}; fastest variant {_kernel.variants()[0]}; commit {commit()}; "
        f"{options.rounds} rounds; pictures {', '.join(case.name for case in cases)}\n"
    )
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for title, some in (("real scores", cases), ("synthetic scores, all labels alive", made)):
            peer, rows = measure(some, options.rounds, progress, title)
            print_table(f"375x500, {NUM_LABELS} labels, {title}", peer, rows, some)
        print_floor(made[0], rows[0])
        compare_large(cases[len(cases) // 2], options.large_rounds, progress)


def our_rows() -> list[Row]:
    """List what is timed: as asked, and forced to AVX2 where there is something faster."""
    one = dataclasses.replace(OUR_CRF, threads=1)
    half = dataclasses.replace(one, precision="half")
    rows = [
        Row("one thread", lambda case: one.refine(case.picture, case.scores)),
        Row("two threads", runner(dataclasses.replace(one, threads=2))),
        Row("half, one thread", runner(half)),
        Row(
            "present labels, one thread",
            lambda case: one.refine(case.picture, case.scores, labels="present"),
        ),
    ]
    if "avx2" in _kernel.variants()[1:]:
        rows.append(
            Row("AVX2 forced, one thread", runner(dataclasses.replace(one, variant="avx2")))
        )
    return rows


def runner(crf: DenseCRF) -> Infer:
    return lambda case: crf.refine(case.picture, case.scores)


def measure(
    cases: Sequence[Case], rounds: int, progress: Progress, title: str
) -> tuple[Row, list[Row]]:
    """Run the peer and all our rows in turn on all pictures; the first round does not count.

    No picture comes twice in a row: our engine would take the lattice that it has of it.
    """
    rows = our_rows()
    unary = {case.name: -case.scores for case in cases}
    peer = Row("pydensecrf2", lambda case: peer_marginals(case.picture, unary[case.name]))
    task = progress.add_task(title, total=rounds + 1)
    expected: dict[str, NDArray[np.float32]] = {}
    for row in (peer, *rows):
        row.seconds = [[] for _ in cases]
    for number in range(rounds + 1):
        for row in (peer, *rows):
            for case, seconds in zip(cases, row.seconds, strict=True):
                start = time.perf_counter()
                got = row.infer(case)
                if number > 0:
                    seconds.append(time.perf_counter() - start)
                elif row is peer:
                    expected[case.name] = got
                else:
                    compare(row, got, expected[case.name])
        progress.advance(task)
    return peer, rows


def compare(row: Row, got: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    row.differing += int((got.argmax(axis=0) != expected.argmax(axis=0)).sum())
    row.largest = max(row.largest, float(np.abs(got - expected).max()))


def print_table(title: str, peer: Row, rows: list[Row], cases: Sequence[Case]) -> None:
    pixels = sum(case.picture.shape[0] * case.picture.shape[1] for case in cases)
    print(f"{title}, {ITERATIONS} iterations, against pydensecrf2 ({milliseconds(peer)} ms)\n")
    print("| ours | ms | times as fast | worst picture | labels that differ | largest difference |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        ratios = [
            statistics.median(theirs) / statistics.median(ours)
            for theirs, ours in zip(peer.seconds, row.seconds, strict=True)
        ]
        print(
            f"| {row.name} | {milliseconds(row)} | **{statistics.geometric_mean(ratios):.2f}** "
            f"| {min(ratios):.2f} | {row.differing} of {pixels} | {row.largest:.0e} |"
        )
    print()


def milliseconds(row: Row) -> str:
    """Give the least and the largest median of all pictures."""
    medians = [1000 * statistics.median(seconds) for seconds in row.seconds]
    return f"{min(medians):.0f} to {max(medians):.0f}"


def print_floor(case: Case, row: Row) -> None:
    """Say how far we are from what moving the data of the iterations takes.

    A pixel has 6 vertices in the bilateral lattice and 3 in the spatial one. An iteration streams
    the unary, the vertices' rows and weights, and the normalisers from memory once, and reads 9
    rows of labels to slice, and reads and writes 9 to splat, in the cache. Blurring, and building
    the lattices, are left out.
    """
    pixels = case.scores[0].size
    labels = math.ceil(len(case.scores) / 8) * 8
    streamed = pixels * (4 * len(case.scores) + 9 * 8 + 2 * 4)
    rows = pixels * 27 * labels * 4
    memory, cache = bandwidth(256 << 20), bandwidth(256 << 10)
    floor = 1000 * ITERATIONS * (streamed / memory + rows / cache)
    medians = [1000 * statistics.median(seconds) for seconds in row.seconds]
    times = f"{min(medians) / floor:.1f} to {max(medians) / floor:.1f} times"
    print(
        f"Floor of the passes over the pixels: {streamed / 1e6:.0f} MB an iteration from memory at "
        f"{memory / 1e9:.0f} GB/s, {rows / 1e6:.0f} MB from the cache at {cache / 1e9:.0f} GB/s, "
        f"{floor:.0f} ms in {ITERATIONS} iterations. With all labels alive, one thread takes "
        f"{times} that.\n"
    )


def bandwidth(size: int) -> float:
    """Copy so many bytes, and count those read and those written per second; the best of many."""
    source = np.zeros(size, np.uint8)
    target = source.copy()
    repeats = max(1, (64 << 20) // size)
    best = math.inf
    for _ in range(7):
        start = time.perf_counter()
        for _ in range(repeats):
            np.copyto(target, source)
        best = min(best, (time.perf_counter() - start) / repeats)
    return 2 * size / best


def compare_large(case: Case, rounds: int, progress: Progress) -> None:
    """Compare time and memory at 1024x2048, every run in a process of its own."""
    task = progress.add_task("1024x2048", total=2 * rounds)
    seconds: dict[str, list[list[float]]] = {"peer": [], "ours": []}
    megabytes: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        large = enlarged_case(case, LARGE_LABELS, *LARGE_SIZE)
        np.save(folder / "picture.npy", large.picture)
        np.save(folder / "scores.npy", large.scores)
        del large
        for _ in range(rounds):
            for who in seconds:
                command = [sys.executable, __file__, "--large", who, str(folder)]
                done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
                told = json.loads(done.stdout)
                seconds[who].append(told["seconds"])
                megabytes[who] = told["megabytes"]
                progress.advance(task)
        row = Row("", lambda _: NotImplemented)
        compare(row, np.load(folder / "ours.npy"), np.load(folder / "peer.npy"))
    times = {
        who: [statistics.median(call) for call in zip(*values, strict=True)]
        for who, values in seconds.items()
    }
    print(f"{LARGE_SIZE[0]}x{LARGE_SIZE[1]}, {LARGE_LABELS} labels alive, one thread, ", end="")
    print(f"every run in a process of its own, {rounds} rounds\n")
    print("| | pydensecrf2 | ours | ratio |\n|---|---|---|---|")
    for call, peer, ours in zip(("first", "second"), times["peer"], times["ours"], strict=True):
        print(
            f"| seconds, {call} call | {peer:.2f} | {ours:.2f} "
            f"| **{peer / ours:.2f}** times as fast |"
        )
    print(
        f"| peak memory, MB, inputs included | {megabytes['peer']:.0f} | {megabytes['ours']:.0f} "
        f"| **{megabytes['ours'] / megabytes['peer']:.2f}** |"
    )
    print(f"| labels that differ | | {row.differing} of {math.prod(LARGE_SIZE)} | |")
    print(f"| largest difference | | {row.largest:.0e} | |")


def run_large(who: str, folder: Path) -> None:
    """Infer twice, tell times and memory, and leave the marginals in the folder."""
    case = Case("", np.load(folder / "picture.npy"), np.load(folder / "scores.npy"))
    ours = dataclasses.replace(OUR_CRF, threads=1)
    if who == "peer":
        np.negative(case.scores, out=case.scores)
        peer_marginals(case.picture[:2, :2].copy(), case.scores[:, :2, :2].copy())  # imports it
    else:
        ours.refine(case.picture[:2, :2], case.scores[:, :2, :2])
    infer = peer_marginals if who == "peer" else ours.refine
    seconds = []
    # The first call gets its memory from the system, which clears every page. It sees
    # the mirror image, as our engine would else take its lattice for the second one.
    for picture in (np.ascontiguousarray(case.picture[:, ::-1]), case.picture):
        marginals = None
        start = time.perf_counter()
        marginals = infer(picture, case.scores)
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "megabytes": peak_megabytes()}))
    assert marginals is not None
    np.save(folder / f"{who}.npy", marginals)


def peak_megabytes() -> float:
    """Tell the most memory that this process has held so far."""
    # Linux lets a process inherit ru_maxrss from the one that started it; VmHWM is its own.
    status = Path("/proc/self/status")
    if status.exists():
        lines = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        return int(lines[0].split()[1]) / 1000 * 1.024
    unit = 1e6 if sys.platform == "darwin" else 1e3 / 1.024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


if __name__ == "__main__":
    main()
