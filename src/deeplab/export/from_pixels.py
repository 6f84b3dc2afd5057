"""A network as its files hold it: preprocessing before it, batch norms folded, sizes left free.

Shapes: N pictures, (H, W) pixels, K classes, (h, w) the score grid.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from deeplab.models import DeepLab, fold_norms

_TRACED_SIZE = (2, 161, 193)  # any but 0 and 1, which exporters take for constants


class FromPixels(nn.Module):
    """A copy of a network, in evaluation mode, that takes pixels.

    Args:
        network: Left as it is.
    """

    def __init__(self, network: DeepLab) -> None:
        super().__init__()
        self.network = copy.deepcopy(network)
        fold_norms(self.network)
        self.eval()

    def forward(self, pictures: Tensor) -> Tensor:
        """Score pictures: (N, H, W, bands), uint8 -> class scores (N, K, h, w)."""
        normalised = self.network.preprocessing.apply(pictures.permute(0, 3, 1, 2))
        scores: Tensor = self.network(normalised)
        return scores


def traced_pictures(num_bands: int) -> Tensor:
    """Make pictures to trace a network with: (N, H, W, num_bands), uint8."""
    return torch.zeros((*_TRACED_SIZE, num_bands), dtype=torch.uint8)


def free_sizes() -> dict[str, Any]:
    """Say that number and size of the pictures are free, as `torch.export` wants it said."""
    free = [torch.export.Dim(name) for name in ("n", "h", "w")]
    return {"pictures": dict(enumerate(free))}
