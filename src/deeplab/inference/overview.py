"""An overlay of a picture that is labelled row by row: of large ones smaller than they are."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging
from deeplab.inference.large import LabelledRows
from deeplab.labels import label_dtype
from deeplab.network_card import NetworkCard

LONGEST_SIDE = 4096
"""Pixels; larger pictures are drawn at half their size, a third, and so on."""


class Overview:
    """Gathers rows of a picture and of its labels.

    Args:
        height: Of the picture, pixels.
        width: Likewise.
        card: Colours of the classes.
    """

    def __init__(self, height: int, width: int, card: NetworkCard) -> None:
        self._height, self._width = height, width
        self._factor = -(-max(height, width) // LONGEST_SIDE)
        size = (-(-height // self._factor), -(-width // self._factor))
        self._palette = card.palette
        self._picture = np.zeros((*size, 3), np.uint8)
        self._labels = np.zeros(size, label_dtype(len(card.class_names)))
        self._waiting: NDArray[np.uint8] = np.zeros((0, width, 3), np.uint8)
        self._num_drawn = 0

    def add(self, part: LabelledRows) -> None:
        """Take the next rows: pixels are averaged, of labels the one in the middle is taken."""
        factor, middle = self._factor, self._factor // 2
        skipped = (middle - part.top) % factor
        # Where the picture ends before the middle of its last block, the last pixel is taken.
        columns = np.minimum(np.arange(self._labels.shape[1]) * factor + middle, self._width - 1)
        labels = part.labels[skipped::factor][:, columns]
        first = (part.top + skipped) // factor
        self._labels[first : first + len(labels)] = labels
        is_end = part.top + len(part.labels) == self._height
        if is_end and (self._height - 1) % factor < middle:
            self._labels[-1] = part.labels[-1, columns]
        rows = np.concatenate([self._waiting, imaging.as_rgb(part.picture)])
        whole = len(rows) if is_end else len(rows) // factor * factor
        if whole:
            reduced = np.asarray(Image.fromarray(rows[:whole]).reduce(factor))
            self._picture[self._num_drawn : self._num_drawn + len(reduced)] = reduced
            self._num_drawn += len(reduced)
        self._waiting = rows[whole:].copy()

    def draw(self) -> Image.Image:
        """Lay the labels' colours over the picture."""
        return Image.fromarray(drawing.overlay(self._picture, self._labels, self._palette))
