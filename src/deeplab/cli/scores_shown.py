"""What `deeplab evaluate` prints: the scores of one network, or what two differ in."""

from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from deeplab.evaluation import Evaluation, Scores


def show_scores(evaluation: "Evaluation", title: str) -> None:
    """Print a table of the classes, and the means with their interval.

    Args:
        evaluation: What was measured.
        title: What was scored on what.
    """
    scores = evaluation.scores
    before = None if evaluation.without_crf is None else evaluation.without_crf.scores
    Console().print(_class_table(evaluation, title, before))
    for line in _more_lines(evaluation):
        print(line)
    if scores.absent_classes:
        how = (
            "so IoU 0 by the rules"
            if scores.convention == "devkit"
            else "so they do not count in the means"
        )
        print(f"Neither there nor found, {how}: {', '.join(scores.absent_classes)}")


def _class_table(evaluation: "Evaluation", title: str, before: "Scores | None") -> Table:
    scores = evaluation.scores
    table = Table(
        title=Text(title), caption=f"{scores.num_pictures} pictures; all values in per cent"
    )
    table.add_column("class")
    for heading in ("IoU", "accuracy", "of pixels", *(("IoU without CRF",) if before else ())):
        table.add_column(heading, justify="right")
    num_pixels = max(sum(map(sum, scores.confusion)), 1)
    for label, name in enumerate(scores.class_names):
        table.add_row(
            Text(name),
            _percent(scores.class_iou[label]),
            _percent(scores.class_accuracy[label]),
            _percent(sum(scores.confusion[label]) / num_pixels),
            *((_percent(before.class_iou[label]),) if before else ()),
        )
    table.add_section()
    table.add_row(
        "mean",
        _percent(scores.mean_iou),
        _percent(scores.mean_accuracy),
        "",
        *((_percent(before.mean_iou),) if before else ()),
    )
    table.add_row("weighted by frequency", _percent(scores.frequency_weighted_iou), "", "")
    table.add_row("all pixels", "", _percent(scores.pixel_accuracy), "")
    return table


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
