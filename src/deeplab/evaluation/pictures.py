"""The scores of single pictures: their confusion counts, few of which are not 0.

Shapes: K classes, N pictures.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.evaluation.conventions import mean_over_classes


@dataclass(frozen=True, eq=False)
class PictureScores:
    """What one picture adds to an evaluation.

    Attributes:
        name: The picture's id within its data set.
        picture_path: The picture.
        label_path: Its true label map.
        num_classes: K.
        cells: (C,) int64, rising: the cells of the (K, K) confusion matrix that are not 0, each as
            K * true label + predicted label.
        pixels: (C,) int64: how many pixels are in each.
    """

    name: str
    picture_path: Path
    label_path: Path
    num_classes: int
    cells: NDArray[np.int64]
    pixels: NDArray[np.int64]

    def __eq__(self, other: object) -> bool:
        """Say whether name, files and all counts are the same."""
        return isinstance(other, PictureScores) and (
            (self.name, self.picture_path, self.label_path, self.num_classes)
            == (other.name, other.picture_path, other.label_path, other.num_classes)
            and np.array_equal(self.cells, other.cells)
            and np.array_equal(self.pixels, other.pixels)
        )

    @property
    def num_pixels(self) -> int:
        """How many pixels were scored: those that are not void."""
        return int(self.pixels.sum())

    @property
    def pixel_accuracy(self) -> float | None:
        """Pixels called what they are, among all that are not void, 0..1; None if all are void."""
        if not self.num_pixels:
            return None
        is_hit = self.cells // self.num_classes == self.cells % self.num_classes
        return int(self.pixels[is_hit].sum()) / self.num_pixels

    @property
    def mean_iou(self) -> float | None:
        """Mean IoU over the classes that the picture has or was given; None if all is void.

        A class that is found where it is not counts, with IoU 0: otherwise inventing one would cost
        nothing but the pixels it covers. A class that is neither there nor found says nothing
        about this picture, under either convention. The mean over pictures of this number is not
        the mean IoU of the data set, which comes from the sums.
        """
        if not self.num_pixels:
            return None
        hits, truth, predicted = self.sums()
        return float(mean_over_classes(hits, truth + predicted - hits, "present"))

    def confusion(self) -> NDArray[np.int64]:
        """Lay the counts out: (K, K) int64, row the true class, column the predicted one."""
        counts = np.zeros(self.num_classes**2, dtype=np.int64)
        counts[self.cells] = self.pixels
        return counts.reshape(self.num_classes, self.num_classes)

    def sums(self) -> NDArray[np.int64]:
        """Count pixels per class: (3, K) int64: called what they are, of the class, called it."""
        true_labels, predicted_labels = np.divmod(self.cells, self.num_classes)
        sums = np.zeros((3, self.num_classes), dtype=np.int64)
        is_hit = true_labels == predicted_labels
        np.add.at(sums[0], true_labels[is_hit], self.pixels[is_hit])
        np.add.at(sums[1], true_labels, self.pixels)
        np.add.at(sums[2], predicted_labels, self.pixels)
        return sums


def stack_sums(pictures: Sequence[PictureScores]) -> NDArray[np.int64]:
    """Give the sums of all pictures: (N, 3, K); see `PictureScores.sums`."""
    return np.stack([picture.sums() for picture in pictures])


def pictures_to_csv(pictures: Iterable[PictureScores]) -> str:
    """Write `picture,mean_iou,pixel_accuracy,pixels` rows, fractions 0..1, empty if all is void."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("picture", "mean_iou", "pixel_accuracy", "pixels"))
    rows.writerows((one.name, one.mean_iou, one.pixel_accuracy, one.num_pixels) for one in pictures)
    return text.getvalue()
