"""How a network wants its pictures: colour order, mean and scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """From pixels in 0..255 to what a network was trained on.

    Attributes:
        mean_255: Subtracted from each band, 0..255; three bands are in R, G, B order.
        std_255: Divides each band, likewise.
        colour_order: Order in which the network takes three bands.
    """

    mean_255: tuple[float, ...]
    std_255: tuple[float, ...]
    colour_order: Literal["rgb", "bgr"] = "rgb"

    def apply(self, pictures: Tensor) -> Tensor:
        """Normalise pictures: (N, C, H, W), 0..255, any dtype -> float32 of the same shape."""
        mean = torch.tensor(self.mean_255, device=pictures.device).view(1, -1, 1, 1)
        std = torch.tensor(self.std_255, device=pictures.device).view(1, -1, 1, 1)
        normalised = (pictures.float() - mean) / std
        return normalised.flip(1) if self.colour_order == "bgr" else normalised

    def for_bands(self, mean_255: Sequence[float], std_255: Sequence[float]) -> "Preprocessing":
        """Give pictures of other bands the spread that photographs have for this network.

        Args:
            mean_255: Of each band of the pictures, 0..255.
            std_255: Standard deviation of each band, above 0.

        Returns:
            Preprocessing after which each band has mean 0, and the standard deviation that
            ImageNet's pictures have after this one.
        """
        usual = zip(IMAGENET_STATISTICS.std_255, self.std_255, strict=True)
        spread = sum(of_photos / divisor for of_photos, divisor in usual) / len(self.std_255)
        return Preprocessing(tuple(mean_255), tuple(std / spread for std in std_255))


UNIT_RANGE = Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
IMAGENET_STATISTICS = Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
