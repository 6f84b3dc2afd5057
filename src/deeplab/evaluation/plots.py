"""Pictures of numbers (needs the `plots` extra): the trimap curve, and what a CRF search found.

The drawings of scores are in `score_plots`. A figure is saved as a file, or becomes a drawing that
stands in a page and takes the colour of its text.
"""

import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from deeplab import whole_files
from deeplab.evaluation.crf_search import Search
from deeplab.evaluation.trials import Trial
from deeplab.evaluation.trimap import TrimapCurve

SUFFIXES = (".png", ".svg", ".pdf")
"""The kinds of files that can be drawn."""

_PANELS_IN_A_ROW = 4
_SIZES = " (the larger the dot, the larger the weight)"


def draw_trimap(path: Path, curves: Mapping[str, TrimapCurve], *, title: str) -> None:
    """Draw mean IoU in per cent over the width of the band, a line for each curve.

    Args:
        path: `.png`, `.svg` or `.pdf`.
        curves: By name, such as "with CRF".
        title: What was scored on what.
    """
    save_figure(trimap_figure(curves, title=title), path)


def trimap_figure(curves: Mapping[str, TrimapCurve], *, title: str = "") -> Figure:
    """Draw what `draw_trimap` saves.

    Args:
        curves: By name, such as "with CRF".
        title: What was scored on what.
    """
    figure = Figure(figsize=(6, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        widths = range(1, len(curve.mean_iou) + 1)
        axes.plot(widths, [100 * value for value in curve.mean_iou], label=name, linewidth=1.8)
    axes.set_xlabel("width of the band around void, pixels")
    axes.set_ylabel("mean IoU in the band, %")
    axes.set_title(title, fontsize="medium")
    axes.set_xlim(0, None)
    axes.grid(alpha=0.3)
    if len(curves) > 1:
        axes.legend(loc="lower right", framealpha=0)
    return figure


def draw_search(path: Path, search: Search) -> None:
    """Draw mean IoU over the two deviations of the bilateral kernel.

    Grids become a heat map for each weight, the coarse grid first; points that were drawn at random
    become one scatter plot.

    Args:
        path: `.png`, `.svg` or `.pdf`.
        search: What was found.
    """
    panels = _panels(search.trials)
    columns = min(len(panels), _PANELS_IN_A_ROW)
    rows = -(-len(panels) // columns)
    figure = Figure(
        figsize=(max(3.6 * columns, 6) + 1.2, max(2.4 * rows, 4) + 0.8), layout="constrained"
    )
    values = [100 * trial.mean_iou for trial in search.trials]
    limits = (min(values), max(*values, min(values) + 0.01))
    for place, (title, trials) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.set_title(title, fontsize="medium")
        axes.set_xlabel("xy, pixels")
        axes.set_ylabel("rgb, grey levels")
        draw = _draw_points if trials[0].stage not in ("coarse", "fine") else _draw_cells
        draw(axes, trials, limits)
    figure.colorbar(figure.axes[0].collections[0], ax=figure.axes, label="mean IoU, %", shrink=0.8)
    figure.suptitle(
        f"{search.num_pictures} pictures: {100 * search.mean_iou_without_crf:.2f} % mean IoU "
        f"without a CRF, {100 * search.best.mean_iou:.2f} % with the best",
        fontsize="medium",
    )
    save_figure(figure, path)


def save_figure(figure: Figure, path: Path) -> None:
    """Save a figure, whole or not at all.

    Args:
        figure: Any.
        path: `.png`, `.svg` or `.pdf`; its folder is made.
    """

    def write(file: BinaryIO) -> None:
        figure.savefig(file, format=path.suffix.removeprefix("."), dpi=150)

    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, write)


def inline_svg(figure: Figure) -> str:
    """Draw a figure for a page: SVG text without a background, black being the page's text colour.

    Words stay words, which can be read aloud and searched for.
    """
    drawn = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg", transparent=True, dpi=200, metadata={"Date": None})
    svg = drawn.getvalue().replace("#000000", "currentColor")
    svg = re.sub(r"font: ([\d.]+px) [^;\"]+", r"font: \1 sans-serif", svg)
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = svg[svg.index("<svg") :].replace("<svg", '<svg fill="currentColor"', 1)  # as black is
    # Names such as "axes_1" that nothing refers to: a page with two drawings would have them twice.
    return re.sub(r' id="[A-Za-z0-9]+_\d+"', "", svg)


def _panels(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    """Sort trials into panels, by title."""
    panels: dict[str, list[Trial]] = {}
    for trial in trials:
        is_grid = trial.stage in ("coarse", "fine")
        title = f"{trial.stage}, weight {trial.point.weight:g}" if is_grid else trial.stage + _SIZES
        panels.setdefault(title, []).append(trial)
    for title, shown in panels.items():
        if title.startswith("fine"):  # its middle was tried on the coarse grid
            shown += _coarse_between(shown, trials)
    return panels


def _coarse_between(fine: Sequence[Trial], trials: Sequence[Trial]) -> list[Trial]:
    """Find the coarse trials that lie on the rows and columns of a fine panel."""
    weight = fine[0].point.weight
    xys, rgbs = {one.point.xy for one in fine}, {one.point.rgb for one in fine}
    coarse = [one for one in trials if one.stage == "coarse" and one.point.weight == weight]
    return [one for one in coarse if one.point.xy in xys and one.point.rgb in rgbs]


def _draw_cells(axes: Axes, trials: Sequence[Trial], limits: tuple[float, float]) -> None:
    xys = sorted({trial.point.xy for trial in trials})
    rgbs = sorted({trial.point.rgb for trial in trials})
    cells = np.full((len(rgbs), len(xys)), np.nan)
    for trial in trials:
        row, column = rgbs.index(trial.point.rgb), xys.index(trial.point.xy)
        cells[row, column] = 100 * trial.mean_iou
        # pcolormesh puts cell (0, 0) between 0 and 1.
        text = f"{cells[row, column]:.1f}"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=7)
    axes.pcolormesh(cells, cmap="viridis", vmin=limits[0], vmax=limits[1], alpha=0.8)
    axes.set_xticks(np.arange(len(xys)) + 0.5, [f"{xy:g}" for xy in xys])
    axes.set_yticks(np.arange(len(rgbs)) + 0.5, [f"{rgb:g}" for rgb in rgbs])


def _draw_points(axes: Axes, trials: Sequence[Trial], limits: tuple[float, float]) -> None:
    axes.scatter(
        [trial.point.xy for trial in trials],
        [trial.point.rgb for trial in trials],
        s=[8 * trial.point.weight for trial in trials],
        c=[100 * trial.mean_iou for trial in trials],
        vmin=limits[0],
        vmax=limits[1],
    )
