"""Drawings of scores (needs the `plots` extra): confusions, calibration, the IoU of each class.

Each function gives a figure for `plots.save_figure` or `plots.inline_svg`. Shapes: K classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from deeplab.evaluation.calibration import Reliability

_RIGHT, _WRONG, _BEFORE = (0.16, 0.45, 0.75), (0.80, 0.25, 0.10), (0.93, 0.60, 0.15)
_MOST_CLASSES_WITH_NUMBERS = 30
_MOST_NAMES = 150


def confusion_figure(
    class_names: Sequence[str], confusion: Sequence[Sequence[int]], *, title: str = ""
) -> Figure:
    """Draw a confusion matrix: of the pixels of each class (a row), how many were called what.

    What is right is blue, what is wrong red, the stronger the more; numbers are per cent of a row.

    Args:
        class_names: The K names.
        confusion: (K, K) pixel counts; row the true class, column the predicted one.
        title: What was scored on what.
    """
    num_classes = len(class_names)
    shares = row_shares(confusion)
    inches = num_classes * (0.36 if num_classes <= _MOST_CLASSES_WITH_NUMBERS else 0.17)
    side = min(max(inches, 2.5), 24)
    figure = Figure(figsize=(side + 1.6, side + 1.4), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(_tinted(shares), interpolation="nearest")
    _name_cells(axes, class_names, size=8 if num_classes <= _MOST_CLASSES_WITH_NUMBERS else 6.5)
    if num_classes <= _MOST_CLASSES_WITH_NUMBERS:
        _number_cells(axes, shares)
    axes.set_xlabel("was called")
    axes.set_ylabel("is")
    axes.set_title(title, fontsize="medium")
    return figure


def reliability_figure(reliabilities: Mapping[str, Reliability], *, title: str = "") -> Figure:
    """Draw accuracy over confidence, and below it how many pixels have which confidence.

    Args:
        reliabilities: By name, such as "with CRF"; their ECE is written beside it.
        title: What was scored on what.
    """
    figure = Figure(figsize=(5.4, 5.6), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    axes.plot((0, 100), (0, 100), color="grey", linestyle="dashed", linewidth=1)
    for name, one in reliabilities.items():
        count = np.array(one.num_pixels)
        is_there = count > 0
        points = 100 * np.stack([one.confidence, one.accuracy])[:, is_there]
        label = f"{name}: ECE {100 * one.expected_error:.2f} %"
        axes.plot(points[0], points[1], marker="o", markersize=4, linewidth=1.6, label=label)
        edges = np.linspace(0, 100, len(count) + 1)
        below.stairs(100 * count / max(count.sum(), 1), edges, linewidth=1.6)
    axes.set_ylabel("of these right, %")
    axes.set_ylim(0, 100)
    axes.set_title(title, fontsize="medium")
    axes.legend(loc="upper left", framealpha=0)
    below.set_xlim(0, 100)
    below.set_xlabel("confidence, %")
    below.set_ylabel("of pixels, %")
    for each in (axes, below):
        each.grid(alpha=0.3)
    return figure


def class_iou_figure(
    class_names: Sequence[str],
    class_iou: Sequence[float],
    *,
    intervals: Sequence[tuple[float, float] | None] | None = None,
    before: Sequence[float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the IoU of each class as a bar, the best on top.

    Args:
        class_names: The K names.
        class_iou: 0..1.
        intervals: Lower and upper end for each class, 0..1, drawn as whiskers; None: no whisker.
        before: The IoU without the CRF, drawn as dots.
        title: What was scored on what.
    """
    order = np.argsort(class_iou, kind="stable")
    values = 100 * np.asarray(class_iou, dtype=float)[order]
    height = max(2.0, len(order) * (0.24 if len(order) <= 80 else 0.14) + 1)
    figure = Figure(figsize=(7, min(height, 60)), layout="constrained")
    axes = figure.add_subplot()
    rows = np.arange(len(order))
    axes.barh(rows, values, color=_RIGHT, height=0.7)
    if intervals is not None:
        spans = [
            (iou, iou) if span is None else span
            for iou, span in zip(class_iou, intervals, strict=True)
        ]
        low, high = 100 * np.asarray(spans, dtype=float)[order].T
        whiskers = np.clip([values - low, high - values], 0, None)
        axes.errorbar(
            values, rows, xerr=whiskers, fmt="none", ecolor="black", elinewidth=1.2, capsize=2
        )
    if before is not None:
        dots = 100 * np.asarray(before, dtype=float)[order]
        axes.plot(dots, rows, "o", color=_BEFORE, markersize=4, label="without CRF")
        axes.legend(loc="lower right", framealpha=0)
    size = 8 if len(order) <= 80 else 6
    axes.set_yticks(rows, [class_names[label] for label in order], fontsize=size)
    axes.set_xlim(0, 100)
    axes.set_ylim(-0.7, len(order) - 0.3)
    axes.set_xlabel("IoU, %")
    axes.set_title(title, fontsize="medium")
    axes.grid(axis="x", alpha=0.3)
    return figure


def histogram_figure(values: Sequence[float], *, title: str = "") -> Figure:
    """Draw how many pictures have which mean IoU, and the median.

    Args:
        values: 0..1, one for each picture.
        title: What was scored on what.
    """
    figure = Figure(figsize=(6, 2.6), layout="constrained")
    axes = figure.add_subplot()
    per_cent = 100 * np.asarray(values, dtype=float)
    axes.hist(per_cent, bins=np.arange(0, 101, 5).tolist(), color=_RIGHT)
    axes.axvline(float(np.median(per_cent)), color=_BEFORE, linewidth=1.8, label="median")
    axes.set_xlim(0, 100)
    axes.set_xlabel("mean IoU of a picture, %")
    axes.set_ylabel("pictures")
    axes.set_title(title, fontsize="medium")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(loc="upper left", framealpha=0)
    return figure


def row_shares(confusion: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Divide each row by its sum: (K, K), 0..1; a row without pixels stays 0."""
    counts = np.asarray(confusion, dtype=np.int64)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1), dtype=np.float64)


def _tinted(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colour shares: (K, K, 4) RGBA, 0..1, see-through where there is nothing."""
    cells = np.empty((*shares.shape, 4))
    cells[..., :3] = _WRONG
    cells[np.arange(len(cells)), np.arange(len(cells)), :3] = _RIGHT
    cells[..., 3] = shares**0.6  # a confusion of 3 % shall be seen
    return cells


def _name_cells(axes: Axes, class_names: Sequence[str], *, size: float) -> None:
    step = -(-len(class_names) // _MOST_NAMES)
    places, names = range(0, len(class_names), step), class_names[::step]
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names, fontsize=size)
    edges = np.arange(len(class_names) + 1) - 0.5
    axes.set_xticks(edges, minor=True)
    axes.set_yticks(edges, minor=True)
    axes.grid(which="minor", color="grey", alpha=0.25, linewidth=0.4)
    axes.tick_params(which="minor", length=0)


def _number_cells(axes: Axes, shares: NDArray[np.float64]) -> None:
    for row, column in np.argwhere(shares >= 0.005):
        share = shares[row, column]
        colour = "white" if share > 0.45 else "black"
        axes.text(
            column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=colour
        )
