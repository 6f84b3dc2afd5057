"""Run a network in torch, as training does on its validation pictures (needs the `train` extra)."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deeplab.inference.engine import Engine
from deeplab.models import DeepLab, load_checkpoint
from deeplab.weights import NetworkCard


class TorchEngine(Engine):
    """A `DeepLab` module as an engine.

    Args:
        network: Left where it is; put it into evaluation mode first.
        card: Class names, colours and stride of the network.
        autocast: Compute in bfloat16 where that is safe.
    """

    def __init__(self, network: DeepLab, card: NetworkCard, *, autocast: bool = False) -> None:
        self._network = network
        self.card = card
        self._autocast = autocast

    @classmethod
    def from_checkpoint(cls, weights: str | Path) -> "TorchEngine":
        """Load a checkpoint (`.safetensors`) or the checkpoint of a published name.

        Raises:
            ValueError: Neither of the two, or a damaged file.
        """
        checkpoint = load_checkpoint(weights)
        return cls(checkpoint.network, checkpoint.card)

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures: (N, H, W, 3) RGB -> class scores (N, K, h, w)."""
        device = next(self._network.parameters()).device
        batch = torch.tensor(pictures, device=device).permute(0, 3, 1, 2)
        with torch.inference_mode(), torch.autocast(device.type, torch.bfloat16, self._autocast):
            scores = self._network(self._network.preprocessing.apply(batch))
        result: NDArray[np.float32] = scores.float().cpu().numpy()
        return result
