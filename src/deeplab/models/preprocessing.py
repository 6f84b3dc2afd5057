"""How a network wants its pictures: colour order, mean and scale."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor


@dataclass(frozen=True)
class Preprocessing:
    """From RGB pixels in 0..255 to what a network was trained on.

    Attributes:
        mean_rgb_255: Subtracted from each channel, in R, G, B order and 0..255.
        std_rgb_255: Divides each channel, in R, G, B order and 0..255.
        colour_order: Order in which the network takes the channels.
    """

    mean_rgb_255: tuple[float, float, float]
    std_rgb_255: tuple[float, float, float]
    colour_order: Literal["rgb", "bgr"] = "rgb"

    def apply(self, pictures: Tensor) -> Tensor:
        """Normalise RGB pictures: (N, 3, H, W), 0..255, any dtype -> float32 of the same shape."""
        mean = torch.tensor(self.mean_rgb_255, device=pictures.device).view(1, 3, 1, 1)
        std = torch.tensor(self.std_rgb_255, device=pictures.device).view(1, 3, 1, 1)
        normalised = (pictures.float() - mean) / std
        return normalised.flip(1) if self.colour_order == "bgr" else normalised


UNIT_RANGE = Preprocessing((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
IMAGENET_STATISTICS = Preprocessing((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
