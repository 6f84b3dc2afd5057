"""What `deeplab benchmark` prints: the table, what `auto` takes, and what was stored."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deeplab.inference import Setup, Trial
    from deeplab.precisions import PrecisionRecord
    from deeplab.runs.benchmark import Benchmark, Timing
    from deeplab.runs.quality import Quality


def show_benchmark(benchmark: "Benchmark", weights: str) -> None:
    """Print a row for each setup, size and load.

    Args:
        benchmark: What was timed.
        weights: Of which network.
    """
    first = benchmark.timings[0].setup
    caption = (
        f"x, labels: against {first}, on the photos that come with deeplab\n"
        "size ms: what the first of a size takes longer"
    )
    table = Table(title=Text(weights), caption=caption, pad_edge=False)
    table.add_column("engine", no_wrap=True)
    for heading in ("pixels", "threads", "ms", "x", "size\nms", "start\ns", "labels"):
        table.add_column(heading, justify="right")
    for timing in benchmark.timings:
        table.add_row(str(timing.setup), *_cells(timing))
    Console().print(table)


def show_quality(benchmark: "Benchmark", qualities: "Mapping[Setup, Quality]") -> None:
    """Print what was measured on a data set, in a row for each setup.

    Args:
        benchmark: What was timed: what was not is emulated.
        qualities: What was measured.
    """
    timed = {timing.setup for timing in benchmark.timings}
    one = next(iter(qualities.values()))
    table = Table(title=Text(f"{one.num_pictures} pictures of {one.data}"))
    table.add_column("engine", no_wrap=True)
    for heading in ("mean IoU", "same labels"):
        table.add_column(heading, justify="right")
    for setup, quality in qualities.items():
        name = str(setup) if setup in timed else f"{setup}, emulated"
        table.add_row(name, _percent(quality.mean_iou), _percent(quality.same_labels))
    Console().print(table)


def show_choices(benchmark: "Benchmark") -> None:
    """Print what `auto` takes: for one picture, and for many."""
    from deeplab.runs.benchmark import describe_load

    if not benchmark.choices:
        print("No engine gave the right labels on this machine: auto takes onnxruntime.")
    for load, (one, many) in benchmark.choices.items():
        if load[1] == 1:
            print(f"auto takes for one picture, {describe_load(load)}: {_reason(one, 1)}")
        print(f"auto takes for many pictures, {describe_load(load)}: {_reason(many, None)}")


def show_records(records: "Mapping[str, PrecisionRecord]", path: Path) -> None:
    """Print what was stored of reduced precisions in a network file."""
    for precision, record in records.items():
        verdict = "harmless: auto may use it" if record.is_harmless else "harmful: auto will not"
        print(
            f"{path}: {precision} changes mean IoU by {100 * record.miou_change:+.2f} points and "
            f"leaves {record.same_labels:.2%} of the labels ({record.num_pictures} pictures of "
            f"{record.data}); {verdict}"
        )


def as_plain(
    benchmark: "Benchmark", qualities: "Mapping[Setup, Quality]", weights: str, machine: str
) -> dict[str, Any]:
    """Give all of it as JSON values.

    Args:
        benchmark: What was timed.
        qualities: What was measured on a data set, if anything was.
        weights: Of which network.
        machine: On which processor.
    """
    return {
        "weights": weights,
        "machine": machine,
        "timings": [_timing_as_plain(timing) for timing in benchmark.timings],
        "quality": [
            {
                "setup": str(setup),
                "mean_iou": quality.mean_iou,
                "same_labels": quality.same_labels,
                "num_pictures": quality.num_pictures,
                "data": quality.data,
            }
            for setup, quality in qualities.items()
        ],
        "auto": [
            {
                "threads": threads,
                "at_once": workers,
                "one_picture": str(one.setup),
                "many_pictures": str(many.setup),
            }
            for (threads, workers), (one, many) in benchmark.choices.items()
        ],
    }


def _cells(timing: "Timing") -> tuple[str, ...]:
    (height, width), (threads, workers) = timing.size, timing.load
    cores = "all" if threads is None else str(threads)
    return (
        f"{width}x{height}",
        cores if workers == 1 else f"{cores} x {workers}",
        f"{1000 * timing.median_s:.1f}",
        f"{timing.ratio:.2f}",
        f"{1000 * timing.size_s:.0f}",
        f"{timing.start_s:.2f}",
        _percent(timing.same_labels),
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _reason(trial: "Trial", num_pictures: int | None) -> str:
    start = "" if num_pictures is None else f", {trial.start_s:.2f} s to start"
    return f"{trial.setup} ({1000 * trial.picture_s:.1f} ms a picture{start})"


def _timing_as_plain(timing: "Timing") -> dict[str, Any]:
    setup = timing.setup
    (height, width), (threads, workers) = timing.size, timing.load
    return {
        "engine": setup.engine,
        "precision": setup.precision,
        "device": setup.device,
        "compiled": setup.compiled,
        "threads": threads,
        "at_once": workers,
        "height": height,
        "width": width,
        "seconds": list(timing.seconds),
        "median_s": timing.median_s,
        "ratio": timing.ratio,
        "start_s": timing.start_s,
        "size_s": timing.size_s,
        "same_labels": timing.same_labels,
    }
