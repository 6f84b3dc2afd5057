"""How much of a picture, or of a video, each class takes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.imaging import LabelMap


@dataclass(frozen=True)
class ClassShare:
    """How much of a picture one class takes.

    Attributes:
        name: Name of the class.
        label: Its index in the label map.
        share: Part of the picture's pixels that carry this label, 0..1.
        confidence: Mean probability of the class over these pixels, 0..1.
    """

    name: str
    label: int
    share: float
    confidence: float


class ShareCount:
    """Adds up pixels and their confidence, part by part.

    Args:
        class_names: K names.
    """

    def __init__(self, class_names: Sequence[str]) -> None:
        self._names = class_names
        self._pixels = np.zeros(len(class_names))
        self._confidence = np.zeros(len(class_names))

    def add(self, labels: LabelMap, confidence: NDArray[np.float32]) -> None:
        """Count a picture, or rows of one; void does not count.

        Args:
            labels: (H, W).
            confidence: (H, W), 0..1.
        """
        most = len(self._names)
        # Row by row: numpy widens what it counts.
        for label_row, confidence_row in zip(labels, confidence, strict=True):
            self._pixels += np.bincount(label_row, minlength=most)[:most]
            self._confidence += np.bincount(label_row, confidence_row, minlength=most)[:most]

    def found(self) -> tuple[ClassShare, ...]:
        """List the classes that occur, the largest share first."""
        total = self._pixels.sum()
        return tuple(
            ClassShare(
                self._names[label],
                int(label),
                float(self._pixels[label] / total),
                float(self._confidence[label] / self._pixels[label]),
            )
            for label in np.argsort(-self._pixels, kind="stable")
            if self._pixels[label]
        )
