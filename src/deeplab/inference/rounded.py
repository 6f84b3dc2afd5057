"""bfloat16 on processors that have none: rounded to its 8 bits, and computed in float32.

This tells what bfloat16 does to labels. It takes twice as long as float32; torch's own emulation
takes a hundred times as long.
"""

from typing import Any

import torch
from torch import Tensor, nn


def round_to_bfloat16(network: nn.Module) -> None:
    """Make a network round, in place, what processors with bfloat16 would.

    That is filters and biases, what goes into convolutions, and what comes out of every module;
    sums of products stay float32, as they do there.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            for parameter in module.parameters(recurse=False):
                parameter.data = _rounded(parameter.data)
            module.register_forward_pre_hook(_round_inputs)
        module.register_forward_hook(_round_output)


def _round_inputs(module: nn.Module, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_rounded(one) for one in inputs)


def _round_output(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> Any:
    return _rounded(output)


def _rounded(value: Any) -> Any:
    is_rounded = isinstance(value, Tensor) and value.dtype == torch.float32
    return value.bfloat16().float() if is_rounded else value
