"""Draws a benchmark: pictures per second of every engine (needs the `plots` extra)."""

from pathlib import Path

from matplotlib.figure import Figure

from deeplab.evaluation.plots import SUFFIXES, save_figure
from deeplab.runs.benchmark import Benchmark, Load, Size, Timing, describe_load


def draw_benchmark(path: Path, benchmark: Benchmark, *, title: str) -> None:
    """Draw a panel for each load and size, a bar for each setup, the fastest on top.

    Args:
        path: `.png`, `.svg` or `.pdf`.
        benchmark: What was timed.
        title: Of which network, on which processor.
    """
    panels: dict[tuple[Load, Size], list[Timing]] = {}
    for timing in benchmark.timings:
        panels.setdefault((timing.load, timing.size), []).append(timing)
    most = max(map(len, panels.values()))
    figure = Figure(figsize=(7, len(panels) * (0.4 * most + 0.9) + 0.6), layout="constrained")
    figure.suptitle(title, fontsize="medium")
    for place, ((load, (height, width)), timings) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(len(panels), 1, place)
        ordered = sorted(timings, key=lambda timing: timing.median_s, reverse=True)
        bars = axes.barh(
            [str(timing.setup) for timing in ordered], [1 / timing.median_s for timing in ordered]
        )
        axes.bar_label(bars, [f"{timing.ratio:.2f} x" for timing in ordered], padding=3)
        axes.set_title(f"{width}x{height}, {describe_load(load)}", fontsize="small", loc="left")
        axes.margins(x=0.12)
    axes.set_xlabel(f"pictures per second; x: against {benchmark.timings[0].setup}")
    save_figure(figure, path)


def check_plot(path: Path) -> None:
    """Refuse names of files that cannot be drawn.

    Raises:
        ValueError: Of another kind.
    """
    if path.suffix not in SUFFIXES:
        raise ValueError(f"{path}: give a name that ends in {', '.join(SUFFIXES)}")
