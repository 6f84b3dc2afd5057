"""What runs a network: the one interface between the `Segmenter` and a runtime."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from deeplab.weights import NetworkCard


class Engine(ABC):
    """A network that is ready to run.

    Attributes:
        card: What the network says about itself: classes, colours, output stride s.
    """

    card: NetworkCard

    @abstractmethod
    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size: (N, H, W, 3) RGB 0..255 -> class scores (N, K, h, w).

        Score (i, j) belongs to pixel (s * i, s * j). There are h = ceil(H / s) rows, or more: a
        network whose pools round up, as Caffe's do, has one behind the last pixel of most sizes
        that are not s * k + 1. The same is so of columns.
        """
