"""An evaluation as JSON and CSV: the scores, and what was measured beside them.

All values are fractions, 0..1.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

from deeplab.evaluation.record import Evaluation


def evaluation_to_json(evaluation: Evaluation, about: Mapping[str, Any]) -> str:
    """Write the scores as `Scores.to_json` does, and after them what else was measured.

    Args:
        evaluation: What is written; what it has not measured is left out.
        about: What was evaluated and how, stored under "about".
    """
    document = json.loads(evaluation.scores.to_json(about))
    names = evaluation.scores.class_names
    boundary, calibration = evaluation.boundary, evaluation.calibration
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
    return json.dumps(document, indent=2) + "\n"


def evaluation_to_csv(evaluation: Evaluation) -> str:
    """Write `metric,class,value` rows as `Scores.to_csv` does, and after them what else there is.

    Args:
        evaluation: What is written.
    """
    text = io.StringIO(evaluation.scores.to_csv())
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\n").writerows(_more_rows(evaluation))
    return text.getvalue()


def _more_rows(evaluation: Evaluation) -> Iterator[tuple[str, str, float]]:
    names = evaluation.scores.class_names
    boundary, calibration = evaluation.boundary, evaluation.calibration
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
