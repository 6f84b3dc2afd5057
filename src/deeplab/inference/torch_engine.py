"""Run a network in torch, as training does on its validation pictures (needs the `train` extra)."""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from deeplab.inference.engine import Device, Engine, Setup, check_scores, check_threads, run_failed
from deeplab.inference.rounded import round_to_bfloat16
from deeplab.models import DeepLab, fold_norms, load_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.precisions import Precision

_log = logging.getLogger(__name__)


class TorchEngine(Engine):
    """A `DeepLab` module as an engine.

    Args:
        network: Left where it is; put it into evaluation mode first.
        card: Class names, colours and stride of the network.
        autocast: Compute in bfloat16 where that is safe.
    """

    def __init__(self, network: DeepLab, card: NetworkCard, *, autocast: bool = False) -> None:
        self._network = network
        self._forward: Callable[[torch.Tensor], torch.Tensor] = network
        self.card = card
        self._autocast = autocast

    @classmethod
    def from_checkpoint(
        cls,
        weights: str | Path,
        *,
        precision: Precision = "f32",
        device: Device | None = None,
        threads: int | None = None,
        compiled: bool = False,
    ) -> "TorchEngine":
        """Load a checkpoint (`.safetensors`) or the checkpoint of a published name.

        Args:
            weights: The checkpoint; batch norms are folded into its convolutions.
            precision: What to compute in: "bf16" is torch's autocast, or rounded float32 where the
                processor has no bfloat16, see `round_to_bfloat16`.
            device: One of `torch_devices`; None: the first of them.
            threads: Processor threads, of all that torch does in this process; None: as it is.
            compiled: Compile the network with `torch.compile`, when the first picture comes.

        Raises:
            ValueError: Neither of the two, a damaged file, or a device that is not there.
        """
        check_threads(threads)
        device = device or torch_devices()[0]
        if device not in torch_devices():
            raise ValueError(f"torch has no {device} here; it has {', '.join(torch_devices())}")
        if threads is not None:
            torch.set_num_threads(threads)
        checkpoint = load_checkpoint(weights)
        network = checkpoint.network.eval().to(device)
        fold_norms(network)
        network.to(memory_format=torch.channels_last)
        is_emulated = precision not in torch_precisions()
        if is_emulated:
            _log.warning("this processor has no %s: float32 is rounded to it", precision)
            round_to_bfloat16(network)
        autocast = precision == "bf16" and not is_emulated
        engine = cls(network, checkpoint.card, autocast=autocast)
        engine.setup = Setup("torch", precision, device, compiled)
        if compiled:
            engine._forward = torch.compile(network)
        return engine

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures: (N, H, W, 3) RGB -> class scores (N, K, h, w)."""
        device = next(self._network.parameters()).device
        batch = torch.tensor(pictures, device=device).permute(0, 3, 1, 2)
        with torch.inference_mode(), self._arithmetic(device):
            prepared = self._network.preprocessing.apply(batch)
            try:
                scores = self._forward(prepared)
            except RuntimeError as error:  # such as: out of memory on the GPU
                raise run_failed(self.card, pictures, error) from error
        result: NDArray[np.float32] = scores.float().cpu().numpy()
        return check_scores(result, self.card)

    def _arithmetic(self, device: torch.device) -> AbstractContextManager[object]:
        if self._autocast:
            return torch.autocast(device.type, torch.bfloat16)
        if device.type == "cuda":  # or else convolutions would keep 10 bits of float32's 23
            cudnn: Any = torch.backends.cudnn  # without types
            exact: AbstractContextManager[object] = cudnn.flags(enabled=True, allow_tf32=False)
            return exact
        return nullcontext()


def torch_devices() -> tuple[Device, ...]:
    """Say where torch can compute here, the fastest first."""
    devices: list[Device] = []
    if torch.cuda.is_available():
        devices.append("cuda")
    if torch.backends.mps.is_available():
        devices.append("mps")
    return (*devices, "cpu")


def torch_precisions() -> tuple[Precision, ...]:
    """Say what torch computes in here without emulating it."""
    on_cpu = torch_devices()[0] == "cpu"
    if on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ("f32",)
    return ("f32", "bf16")
