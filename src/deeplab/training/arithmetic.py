"""Which arithmetic a run computes in: what its recipe asks for, if the processor has it.

On CPUs without instructions for it bfloat16 is emulated: a training step takes ten times as long as
in float32, where it should take a third.
"""

import torch

from deeplab.training.config import Precision, TrainConfig


def arithmetic(config: TrainConfig) -> Precision:
    """Give the recipe's arithmetic, or float32 in place of what would be emulated."""
    is_emulated = _runs_on_cpu(config) and not _has_bfloat16()
    return "32-true" if is_emulated else config.precision


def _runs_on_cpu(config: TrainConfig) -> bool:
    if config.accelerator == "auto":
        return not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return config.accelerator == "cpu"


def _has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
