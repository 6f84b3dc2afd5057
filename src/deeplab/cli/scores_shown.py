"""What `deeplab evaluate` prints: the scores of one network, or what two differ in."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deeplab.evaluation import (
        ClassDifference,
        Comparison,
        Evaluation,
        Interval,
        Intervals,
        PictureDifference,
    )

_NUM_LISTED = 5


def show_scores(evaluation: "Evaluation", intervals: "Intervals", title: str) -> None:
    """Print a table of the classes, and the means with their interval.

    Args:
        evaluation: What was measured.
        intervals: Of its scores.
        title: What was scored on what.
    """
    Console().print(_class_table(evaluation, intervals, title))
    for line in _more_lines(evaluation):
        print(line)
    scores = evaluation.scores
    if scores.absent_classes:
        how = (
            "so IoU 0 by the rules"
            if scores.convention == "devkit"
            else "so they do not count in the means"
        )
        print(f"Neither there nor found, {how}: {', '.join(scores.absent_classes)}")


def show_comparison(comparison: "Comparison", names: "Sequence[str]", title: str) -> None:
    """Print what two evaluations differ in, and whether that is more than noise.

    Args:
        comparison: Of the two.
        names: What they are called.
        title: What was scored on what.
    """
    from deeplab.evaluation import describe_verdict, largest_changes

    Console().print(_comparison_table(comparison, names, title))
    gained, lost = largest_changes(comparison.classes, count=_NUM_LISTED)
    print(f"Classes that gained most: {_list_changes(gained)}")
    print(f"Classes that lost most: {_list_changes(lost)}")
    better, worse = comparison.better, comparison.worse
    print(f"{len(better)} pictures are better: {_list_changes(better[:_NUM_LISTED])}")
    print(f"{len(worse)} pictures are worse: {_list_changes(worse[:_NUM_LISTED])}")
    print(describe_verdict(comparison, *names))


def _class_table(evaluation: "Evaluation", intervals: "Intervals", title: str) -> Table:
    scores = evaluation.scores
    before = None if evaluation.without_crf is None else evaluation.without_crf.scores
    caption = (
        f"{scores.num_pictures} pictures; all values in per cent; intervals: "
        f"{100 * intervals.level:g} % over pictures"
    )
    table = Table(title=Text(title), caption=caption)
    table.add_column("class")
    headings = ("IoU", "interval", "accuracy", "of pixels")  # as many as 80 columns take
    for heading in (*headings, *(("no CRF",) if before else ())):
        table.add_column(heading, justify="right")
    num_pixels = max(sum(map(sum, scores.confusion)), 1)
    for label, name in enumerate(scores.class_names):
        table.add_row(
            Text(name),
            _percent(scores.class_iou[label]),
            _span(intervals.class_iou[label]),
            _percent(scores.class_accuracy[label]),
            _percent(sum(scores.confusion[label]) / num_pixels),
            *((_percent(before.class_iou[label]),) if before else ()),
        )
    table.add_section()
    table.add_row(
        "mean",
        _percent(scores.mean_iou),
        _span(intervals.mean_iou),
        _percent(scores.mean_accuracy),
        "",
        *((_percent(before.mean_iou),) if before else ()),
    )
    table.add_row("weighted by frequency", _percent(scores.frequency_weighted_iou))
    table.add_row("all pixels", "", "", _percent(scores.pixel_accuracy))
    return table


def _comparison_table(comparison: "Comparison", names: "Sequence[str]", title: str) -> Table:
    table = Table(
        title=Text(title), caption=f"{len(comparison.pictures)} pictures; IoU in per cent"
    )
    table.add_column("class")
    for heading in (*names, "difference", f"{100 * comparison.level:g} % interval"):
        table.add_column(Text(heading), justify="right")
    for one in comparison.classes:
        table.add_row(
            Text(one.name),
            _percent(one.first),
            _percent(one.second),
            f"{100 * one.difference:+.2f}",
            "" if one.interval is None else _signed_span(one.interval),
        )
    table.add_section()
    table.add_row(
        "mean",
        _percent(comparison.first),
        _percent(comparison.second),
        f"{100 * comparison.difference:+.2f}",
        _signed_span(comparison.interval),
    )
    return table


def _list_changes(changes: "Sequence[ClassDifference] | Sequence[PictureDifference]") -> str:
    return ", ".join(f"{one.name} {100 * one.difference:+.2f}" for one in changes) or "none"


def _more_lines(evaluation: "Evaluation") -> list[str]:
    lines = []
    boundary, calibration = evaluation.boundary, evaluation.calibration
    before = evaluation.without_crf
    if boundary is not None:
        text = f"Boundary IoU {_percent(boundary.mean_iou)}"
        if before is not None and before.boundary is not None:
            text += f" (without CRF {_percent(before.boundary.mean_iou)})"
        lines.append(text)
    if calibration is not None:
        lines.append(
            f"Calibration error (ECE) {_percent(calibration.expected_error)}: mean confidence "
            f"{_percent(calibration.mean_confidence)}, right {_percent(calibration.mean_accuracy)}"
        )
    return lines


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"


def _span(interval: "Interval | None") -> str:
    return "" if interval is None else f"{100 * interval.low:.1f}..{100 * interval.high:.1f}"


def _signed_span(interval: "Interval") -> str:
    return f"{100 * interval.low:+.2f}..{100 * interval.high:+.2f}"
