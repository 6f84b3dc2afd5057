"""One confusion matrix over a whole data set, and the measures that are read from it.

The rules are those of the PASCAL VOC devkit, as the paper's evaluation uses them (arXiv
1606.00915, section 4; MyVOCevalseg.m): pixels whose true label is void are left out whatever was
predicted there, every measure comes from the sums over all pictures (it is not an average of
per-picture values), background is a class like any other, and a class that neither occurs nor was
predicted has IoU 0 and counts in the mean, unless another convention is asked for (`conventions`).

Shapes: K classes, pictures of H rows and W columns.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.conventions import (
    Convention,
    check_convention,
    mean_over_classes,
    share,
)
from deeplab.evaluation.pictures import PictureScores
from deeplab.evaluation.scores import Scores
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

    def add(self, truth: NDArray[Any], predicted: NDArray[Any], *, picture_name: str) -> None:
        """Count one picture; see `count_pairs`."""
        self.counts += count_pairs(
            truth, predicted, num_classes=len(self.class_names), picture_name=picture_name
        )
        self.num_pictures += 1

    def add_scores(self, picture: PictureScores) -> None:
        """Add the counts of a picture that was counted before."""
        self.counts.reshape(-1)[picture.cells] += picture.pixels
        self.num_pictures += 1

    def scores(self, *, convention: Convention = "devkit") -> Scores:
        """Read the measures off the counts so far.

        Args:
            convention: What means over classes do with those that are nowhere.

        Raises:
            ValueError: No such convention.
        """
        check_convention(convention)
        counts = self.counts
        hits, truth, predicted = counts.diagonal(), counts.sum(axis=1), counts.sum(axis=0)
        parts = {  # of each: the pixels that are right, and of how many
            "iou": (hits, truth + predicted - hits),
            "accuracy": (hits, truth),
            "precision": (hits, predicted),
            "dice": (2 * hits, truth + predicted),
        }
        classes = {name: tuple(share(*part).tolist()) for name, part in parts.items()}
        means = {name: float(mean_over_classes(*part, convention)) for name, part in parts.items()}
        num_pixels = max(int(truth.sum()), 1)
        return Scores(
            class_names=self.class_names,
            class_iou=classes["iou"],
            class_accuracy=classes["accuracy"],
            class_precision=classes["precision"],
            class_dice=classes["dice"],
            mean_iou=means["iou"],
            pixel_accuracy=float(hits.sum() / num_pixels),
            mean_accuracy=means["accuracy"],
            mean_precision=means["precision"],
            mean_dice=means["dice"],
            frequency_weighted_iou=float((truth * share(*parts["iou"])).sum() / num_pixels),
            num_pictures=self.num_pictures,
            confusion=tuple(tuple(row) for row in counts.tolist()),
            convention=convention,
        )


def count_pairs(
    truth: NDArray[Any], predicted: NDArray[Any], *, num_classes: int, picture_name: str
) -> NDArray[np.int64]:
    """Count the pixels of one picture by true and predicted class.

    Args:
        truth: True label map (H, W), 0..K-1 or void: 255, or 65535 beyond 255 classes.
        predicted: Predicted label map (H, W), 0..K-1.
        num_classes: K.
        picture_name: What error messages call this picture: its file or its id.

    Returns:
        (K, K) int64; row the true class, column the predicted one.

    Raises:
        ValueError: The two differ in size, or a label is not a class.
    """
    void = void_of(num_classes)
    if truth.shape != predicted.shape:
        raise ValueError(
            f"{picture_name}: the true label map is {_size(truth)} pixels, the predicted one "
            f"{_size(predicted)}; every picture needs a label map of its own size"
        )
    is_scored = truth != void
    _check_classes("true", truth, is_scored, num_classes, f" and {void} for void", picture_name)
    _check_classes("predicted", predicted, True, num_classes, "", picture_name)
    pairs = truth[is_scored].astype(np.intp) * num_classes + predicted[is_scored]
    return np.bincount(pairs, minlength=num_classes**2).reshape(num_classes, num_classes)


def _check_classes(
    whose: str,
    labels: NDArray[Any],
    where: NDArray[np.bool_] | bool,
    num_classes: int,
    other: str,
    picture_name: str,
) -> None:
    is_wrong = (labels >= num_classes) & where
    if is_wrong.any():
        raise ValueError(
            f"{picture_name}: {whose} label {int(labels[is_wrong][0])} in {int(is_wrong.sum())} "
            f"pixels, but there are {num_classes} classes: allowed are 0..{num_classes - 1}{other}"
        )


def _size(labels: NDArray[Any]) -> str:
    """Say the size as width x height, the order that picture viewers use."""
    return "x".join(str(length) for length in reversed(labels.shape))
