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
        """Score pictures of one size: (N, H, W, 3) RGB 0..255 -> (N, K, ceil(H/s), ceil(W/s)).

        Score (i, j) belongs to pixel (s * i, s * j).
        """
