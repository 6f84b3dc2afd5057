"""One confusion matrix over a whole data set, and the measures that are read from it.

The rules are those of the PASCAL VOC devkit, as the paper's evaluation uses them (arXiv
1606.00915, section 4; MyVOCevalseg.m): pixels whose true label is void (255) are left out
whatever was predicted there, every measure comes from the sums over all pictures (it is not an
average of per-picture values), background is a class like any other, and a class that neither
occurs nor was predicted has IoU 0 and counts in the mean.

Shapes: K classes, pictures of H rows and W columns.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.labels import void_of


class ConfusionMatrix:
    """Pixel counts by true and predicted class, summed picture by picture.

    Its size depends on the number of classes alone, never on the number of pictures.

    Args:
        class_names: The K names, in label order.

    Attributes:
        counts: (K, K) int64; row the true class, column the predicted one.
        num_pictures: How many pictures were added.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        num_classes = len(class_names)
        self.class_names = tuple(class_names)
        self.counts: NDArray[np.int64] = np.zeros((num_classes, num_classes), dtype=np.int64)
        self.num_pictures = 0

    def add(
        self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8], *, picture_name: str
    ) -> None:
        """Count one picture.

        Args:
            truth: True label map (H, W), 0..K-1 or 255 for void.
            predicted: Predicted label map (H, W), 0..K-1.
            picture_name: What error messages call this picture: its file or its id.

        Raises:
            ValueError: The two differ in size, or a label is not a class; nothing was counted.
        """
        self._check(truth, predicted, picture_name)
        num_classes = len(self.class_names)
        is_scored = truth != void_of(num_classes)
        pairs = truth[is_scored].astype(np.intp) * num_classes + predicted[is_scored]
        self.counts += np.bincount(pairs, minlength=num_classes**2).reshape(self.counts.shape)
        self.num_pictures += 1

    def scores(self) -> "Scores":
        """Read the measures off the counts so far."""
        hits, truth, predicted = (
            self.counts.diagonal(),
            self.counts.sum(axis=1),
            self.counts.sum(axis=0),
        )
        iou = hits / np.maximum(truth + predicted - hits, 1)  # 0 of 0 pixels is IoU 0: the devkit
        accuracy = hits / np.maximum(truth, 1)
        num_pixels = max(int(truth.sum()), 1)
        return Scores(
            class_names=self.class_names,
            class_iou=tuple(iou.tolist()),
            class_accuracy=tuple(accuracy.tolist()),
            mean_iou=float(iou.mean()),
            pixel_accuracy=float(hits.sum() / num_pixels),
            mean_accuracy=float(accuracy.mean()),
            frequency_weighted_iou=float((truth * iou).sum() / num_pixels),
            num_pictures=self.num_pictures,
            confusion=tuple(tuple(row) for row in self.counts.tolist()),
        )

    def _check(
        self, truth: NDArray[np.uint8], predicted: NDArray[np.uint8], picture_name: str
    ) -> None:
        if truth.shape != predicted.shape:
            raise ValueError(
                f"{picture_name}: the true label map is {_size(truth)} pixels, the predicted one "
                f"{_size(predicted)}; every picture needs a label map of its own size"
            )
        num_classes = len(self.class_names)
        for whose, labels, may_be_void in (
            ("true", truth, True),
            ("predicted", predicted, False),
        ):
            is_wrong = labels >= num_classes
            if may_be_void:
                is_wrong &= labels != void_of(num_classes)
            if is_wrong.any():
                raise ValueError(
                    f"{picture_name}: {whose} label {int(labels[is_wrong][0])} in "
                    f"{int(is_wrong.sum())} pixels, but there are {num_classes} classes: allowed "
                    f"are 0..{num_classes - 1}"
                    + (f" and {void_of(num_classes)} for void" if may_be_void else "")
                )


@dataclass(frozen=True)
class Scores:
    """The measures of one evaluation; all are fractions, 0..1.

    The names are those of the FCN paper (arXiv 1411.4038, section 5); `ALIASES` says what other
    systems call them.

    Attributes:
        class_names: The K names, in label order.
        class_iou: Per class: pixels that are it and were called it, among those that either are
            it or were called it.
        class_accuracy: Per class: pixels that were called it among those that are it (recall).
        mean_iou: Mean of `class_iou` over all K classes.
        pixel_accuracy: Pixels called what they are, among all that are not void.
        mean_accuracy: Mean of `class_accuracy` over all K classes.
        frequency_weighted_iou: Mean of `class_iou`, weighted by how many pixels a class has.
        num_pictures: How many pictures were scored.
        confusion: (K, K) pixel counts; row the true class, column the predicted one.
    """

    class_names: tuple[str, ...]
    class_iou: tuple[float, ...]
    class_accuracy: tuple[float, ...]
    mean_iou: float
    pixel_accuracy: float
    mean_accuracy: float
    frequency_weighted_iou: float
    num_pictures: int
    confusion: tuple[tuple[int, ...], ...]

    @property
    def absent_classes(self) -> tuple[str, ...]:
        """Classes that no scored pixel has and none was given: their IoU is 0 by the rules."""
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
        summary = self._summary()
        names = self.class_names
        document = {
            "about": dict(about),
            "num_pictures": self.num_pictures,
            **summary,
            "class_iou": dict(zip(names, self.class_iou, strict=True)),
            "class_accuracy": dict(zip(names, self.class_accuracy, strict=True)),
            "absent_classes": self.absent_classes,
            "confusion": self.confusion,
            "aliases": {alias: summary[ours] for alias, ours in ALIASES.items()},
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
        for metric, values in (("iou", self.class_iou), ("accuracy", self.class_accuracy)):
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
        }


ALIASES = {
    "mIoU": "mean_iou",
    "aAcc": "pixel_accuracy",
    "pACC": "pixel_accuracy",
    "overall_accuracy": "pixel_accuracy",
    "mAcc": "mean_accuracy",
    "mACC": "mean_accuracy",
    "fwIoU": "frequency_weighted_iou",
    "Mean IoU": "mean_iou",
    "Pixel Accuracy": "pixel_accuracy",
    "Mean Accuracy": "mean_accuracy",
    "Frequency Weighted IoU": "frequency_weighted_iou",
}
"""What mmsegmentation, detectron2, Hugging Face evaluate and FCN's scripts call our measures."""


def _size(labels: NDArray[np.uint8]) -> str:
    """Say the size as width x height, the order that picture viewers use."""
    return "x".join(str(length) for length in reversed(labels.shape))
