"""The record of one evaluation, and the measures that it may hold beside the scores."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from deeplab.evaluation.boundary import Boundary, BoundaryIou
from deeplab.evaluation.calibration import Calibration, Reliability
from deeplab.evaluation.cityscapes_measure import CityscapesMeasure
from deeplab.evaluation.cityscapes_scores import CityscapesScores
from deeplab.evaluation.conventions import Convention
from deeplab.evaluation.measure import Measure
from deeplab.evaluation.pictures import PictureScores
from deeplab.evaluation.scores import Scores
from deeplab.evaluation.trimap import Trimap, TrimapCurve

MeasureName = Literal["trimap", "boundary", "calibration", "cityscapes"]
"""What can be measured beside the scores; each is a field of `Evaluation`."""


@dataclass(frozen=True)
class Evaluation:
    """What is known of a network after a data set.

    Attributes:
        scores: The measures.
        trimap: The score around boundaries, if it was asked for.
        boundary: Boundary IoU, likewise.
        calibration: How far confidence and accuracy agree, likewise.
        cityscapes: The scores of Cityscapes, if the classes are its 19.
        without_crf: The same of the class scores before the CRF; None without a CRF.
        pictures: The scores of single pictures, in the order of the data set.
    """

    scores: Scores
    trimap: TrimapCurve | None = None
    boundary: BoundaryIou | None = None
    calibration: Reliability | None = None
    cityscapes: CityscapesScores | None = None
    without_crf: "Evaluation | None" = None
    pictures: tuple[PictureScores, ...] = ()


MEASURES: Mapping[MeasureName, Callable[[int, Convention], Measure[Any]]] = {
    "trimap": lambda num_classes, convention: Trimap(num_classes, convention=convention),
    "boundary": lambda num_classes, convention: Boundary(num_classes, convention=convention),
    "calibration": lambda num_classes, convention: Calibration(num_classes),
    "cityscapes": lambda num_classes, convention: CityscapesMeasure(),
}
"""Makes each measure for so many classes, nothing counted yet."""
