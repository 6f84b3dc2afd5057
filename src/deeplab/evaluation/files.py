"""An evaluation as JSON and CSV: the scores, and what was measured beside them.

All values are fractions, 0..1.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from deeplab.evaluation.bootstrap import Intervals
from deeplab.evaluation.record import Evaluation


def evaluation_to_json(
    evaluation: Evaluation, about: Mapping[str, Any], intervals: Intervals | None = None
) -> str:
    """Write the scores as `Scores.to_json` does, and after them what else was measured.

    Args:
        evaluation: What is written; what it has not measured is left out.
        about: What was evaluated and how, stored under "about".
        intervals: Of the scores.
    """
    return json.dumps(evaluation_to_dict(evaluation, about, intervals), indent=2) + "\n"


def evaluation_to_dict(
    evaluation: Evaluation, about: Mapping[str, Any], intervals: Intervals | None = None
) -> dict[str, Any]:
    """Give what `evaluation_to_json` writes.

    Args:
        evaluation: See there.
        about: See there.
        intervals: See there.
    """
    document: dict[str, Any] = json.loads(evaluation.scores.to_json(about))
    names = evaluation.scores.class_names
    boundary, calibration = evaluation.boundary, evaluation.calibration
    if intervals is not None:
        document["interval"] = {
            "level": intervals.level,
            "draws": intervals.num_draws,
            "mean_iou": list(intervals.mean_iou),
            "class_iou": dict(zip(names, intervals.class_iou, strict=True)),
        }
    if boundary is not None:
        document["mean_boundary_iou"] = boundary.mean_iou
        document["class_boundary_iou"] = dict(zip(names, boundary.class_iou, strict=True))
        document["aliases"]["mBoundaryIoU"] = boundary.mean_iou  # detectron2
    if calibration is not None:
        document["calibration"] = {
            "expected_error": calibration.expected_error,
            "largest_error": calibration.largest_error,
            "brier": calibration.brier,
            "mean_confidence": calibration.mean_confidence,
            "class_error": dict(zip(names, calibration.class_error, strict=True)),
        }
        document["aliases"] |= {
            "ECE": calibration.expected_error,
            "MCE": calibration.largest_error,
        }
    return document


def evaluation_to_csv(evaluation: Evaluation, intervals: Intervals | None = None) -> str:
    """Write `metric,class,value` rows as `Scores.to_csv` does, and after them what else there is.

    Args:
        evaluation: What is written.
        intervals: Of the scores: `..._low` and `..._high` are their ends.
    """
    text = io.StringIO(evaluation.scores.to_csv())
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\n").writerows(_more_rows(evaluation, intervals))
    return text.getvalue()


def _more_rows(
    evaluation: Evaluation, intervals: Intervals | None
) -> Iterator[tuple[str, str, float]]:
    names = evaluation.scores.class_names
    boundary, calibration = evaluation.boundary, evaluation.calibration
    if intervals is not None:
        for end in ("low", "high"):
            yield f"mean_iou_{end}", "", getattr(intervals.mean_iou, end)
            for name, interval in zip(names, intervals.class_iou, strict=True):
                if interval is not None:
                    yield f"iou_{end}", name, getattr(interval, end)
    if boundary is not None:
        yield "mean_boundary_iou", "", boundary.mean_iou
        for name, value in zip(names, boundary.class_iou, strict=True):
            yield "boundary_iou", name, value
    if calibration is not None:
        yield "expected_calibration_error", "", calibration.expected_error
        yield "largest_calibration_error", "", calibration.largest_error
        yield "brier", "", calibration.brier
        for name, value in zip(names, calibration.class_error, strict=True):
            yield "calibration_error", name, value
