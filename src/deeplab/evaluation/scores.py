"""The measures of one evaluation, and their files; `metrics` computes them.

Shapes: K classes.
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplab.evaluation.conventions import Convention


@dataclass(frozen=True)
class Scores:
    """The measures of one evaluation; all are fractions, 0..1, and 0 of 0 pixels is 0.

    The names are those of the FCN paper (arXiv 1411.4038, section 5); `ALIASES` says what other
    systems call them. Means over classes follow `convention`: a class of which there is nothing to
    measure (IoU and Dice: it neither occurs nor was predicted; accuracy: it does not occur;
    precision: it was not predicted) counts as 0, or is left out of the mean.

    Attributes:
        class_names: The K names, in label order.
        class_iou: Per class: pixels that are it and were called it, among those that either are
            it or were called it.
        class_accuracy: Per class: pixels that were called it among those that are it (recall).
        class_precision: Per class: pixels that are it among those that were called it.
        class_dice: Per class: twice the pixels that are it and were called it, among those that are
            it and those that were called it (F1).
        mean_iou: Mean of `class_iou`.
        pixel_accuracy: Pixels called what they are, among all that are not void.
        mean_accuracy: Mean of `class_accuracy`.
        mean_precision: Mean of `class_precision`.
        mean_dice: Mean of `class_dice`.
        frequency_weighted_iou: Mean of `class_iou`, weighted by how many pixels a class has.
        num_pictures: How many pictures were scored.
        confusion: (K, K) pixel counts; row the true class, column the predicted one.
        convention: "devkit" (as 0) or "present" (left out).
    """

    class_names: tuple[str, ...]
    class_iou: tuple[float, ...]
    class_accuracy: tuple[float, ...]
    class_precision: tuple[float, ...]
    class_dice: tuple[float, ...]
    mean_iou: float
    pixel_accuracy: float
    mean_accuracy: float
    mean_precision: float
    mean_dice: float
    frequency_weighted_iou: float
    num_pictures: int
    confusion: tuple[tuple[int, ...], ...]
    convention: Convention = "devkit"

    @property
    def absent_classes(self) -> tuple[str, ...]:
        """Classes that no scored pixel has and none was given: their IoU says nothing."""
        counts = np.array(self.confusion)
        pixels = counts.sum(axis=0) + counts.sum(axis=1)
        return tuple(
            name for name, count in zip(self.class_names, pixels, strict=True) if not count
        )

    def to_json(self, about: Mapping[str, Any]) -> str:
        """Write everything as JSON text, fractions 0..1, with the aliases beside our names.

        Args:
            about: What was evaluated and how (weights, data, split, scales); stored under "about".
        """
        names = self.class_names
        by_class = {
            f"class_{metric}": dict(zip(names, values, strict=True))
            for metric, values in self._by_class().items()
        }
        measures: dict[str, Any] = {**self._summary(), **by_class}
        document = {
            "about": dict(about),
            "num_pictures": self.num_pictures,
            "convention": self.convention,
            **measures,
            "absent_classes": self.absent_classes,
            "confusion": self.confusion,
            "aliases": {alias: measures[ours] for alias, ours in ALIASES.items()},
        }
        return json.dumps(document, indent=2) + "\n"

    def to_csv(self) -> str:
        """Write `metric,class,value` rows, fractions 0..1; a measure of all classes has no class.

        One value a row, so that the files of two runs can be joined on the first two columns.
        """
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("metric", "class", "value"))
        rows.writerows((metric, "", value) for metric, value in self._summary().items())
        for metric, values in self._by_class().items():
            rows.writerows(
                (metric, name, value) for name, value in zip(self.class_names, values, strict=True)
            )
        return text.getvalue()

    def _summary(self) -> dict[str, float]:
        return {
            "mean_iou": self.mean_iou,
            "pixel_accuracy": self.pixel_accuracy,
            "mean_accuracy": self.mean_accuracy,
            "frequency_weighted_iou": self.frequency_weighted_iou,
            "mean_dice": self.mean_dice,
            "mean_precision": self.mean_precision,
        }

    def _by_class(self) -> dict[str, tuple[float, ...]]:
        return {
            "iou": self.class_iou,
            "accuracy": self.class_accuracy,
            "dice": self.class_dice,
            "precision": self.class_precision,
        }


ALIASES = {
    # mmsegmentation
    "mIoU": "mean_iou",
    "aAcc": "pixel_accuracy",
    "mAcc": "mean_accuracy",
    "mDice": "mean_dice",
    "mFscore": "mean_dice",
    "mPrecision": "mean_precision",
    "mRecall": "mean_accuracy",
    # detectron2 (and, with another capital, older tables)
    "fwIoU": "frequency_weighted_iou",
    "pACC": "pixel_accuracy",
    "PACC": "pixel_accuracy",
    "mACC": "mean_accuracy",
    # Hugging Face evaluate
    "overall_accuracy": "pixel_accuracy",
    "per_category_iou": "class_iou",
    "per_category_accuracy": "class_accuracy",
    # torchvision's references
    "global correct": "pixel_accuracy",
    "average row correct": "class_accuracy",
    "mean IoU": "mean_iou",
    # FCN's scripts and what followed them
    "Pixel Accuracy": "pixel_accuracy",
    "Mean Accuracy": "mean_accuracy",
    "Mean IoU": "mean_iou",
    "Frequency Weighted IoU": "frequency_weighted_iou",
    "Class IoU": "class_iou",
    # ultralytics
    "metrics/mIoU": "mean_iou",
    "metrics/pixel_acc": "pixel_accuracy",
}
"""What other systems call our measures; Hugging Face's `mean_iou` and `mean_accuracy` are ours.

Where these systems average over classes they leave out those that are nowhere: convention
"present" gives their numbers. (mmsegmentation's mFscore also leaves out classes that occur but were
never predicted, which count as 0 here.)
"""
