"""Which arithmetic a run computes in, and how its values lie in memory.

The arithmetic is what the recipe asks for, if the processor has it.

On CPUs without instructions for it bfloat16 is emulated: a training step takes ten times as long as
in float32, where it should take a third.
"""

import torch
from torch import nn

from deeplab.training.config import Precision, TrainConfig


def arithmetic(config: TrainConfig) -> Precision:
    """Give the recipe's arithmetic, or float32 in place of what would be emulated."""
    is_emulated = _runs_on_cpu(config) and not _has_bfloat16()
    return "32-true" if is_emulated else config.precision


def memory_format(network: nn.Module, config: TrainConfig) -> torch.memory_format:
    """Give the order of values in memory in which a network learns fastest.

    That is channels last, but for plain convolutions in float32 on the CPU: there their way back is
    a quarter slower with it (benchmarks/training.py).
    """
    if not _runs_on_cpu(config) or arithmetic(config) != "32-true":
        return torch.channels_last
    convs = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    is_plain = all(conv.groups == 1 for conv in convs)
    return torch.contiguous_format if is_plain else torch.channels_last


def _runs_on_cpu(config: TrainConfig) -> bool:
    if config.accelerator == "auto":
        return not (torch.cuda.is_available() or torch.backends.mps.is_available())
    return config.accelerator == "cpu"


def _has_bfloat16() -> bool:
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
