"""Parameter groups, the optimiser and the poly schedule.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1 (poly), and the released `solver.prototxt`
(multipliers).
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from deeplab.models import DeepLab
from deeplab.training.config import TrainConfig


def make_optimiser(network: DeepLab, config: TrainConfig) -> torch.optim.Optimizer:
    """Make the optimiser over the parameters that learn; call `prepare_batch_norm` before.

    Caffe multiplies the rate into the momentum, PyTorch multiplies momentum and gradient by the
    rate: while the rate falls, PyTorch's steps are a little smaller.
    """
    groups = parameter_groups(network, config)
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.base_lr, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.base_lr, betas=(config.momentum, 0.999))


def parameter_groups(network: DeepLab, config: TrainConfig) -> list[dict[str, Any]]:
    """Sort parameters by rate and decay.

    Returns:
        Groups for an optimiser; `multiplier` is the group's rate relative to `base_lr`.
    """
    named = {
        ("backbone", "weights"): (1.0, config.weight_decay),
        ("backbone", "biases"): (config.backbone_bias_lr_multiplier, 0.0),
        ("backbone", "norms"): (1.0, 0.0),
        ("head", "weights"): (config.head_lr_multiplier, config.weight_decay),
        ("head", "biases"): (config.head_bias_lr_multiplier, 0.0),
        ("head", "norms"): (config.head_lr_multiplier, 0.0),
    }
    members: dict[tuple[str, str], list[nn.Parameter]] = {key: [] for key in named}
    for part, module in (("backbone", network.backbone), ("head", network.head)):
        for kind, parameter in _kinds(module):
            if parameter.requires_grad:
                members[part, kind].append(parameter)
    return [
        {
            "name": " ".join(key),
            "params": members[key],
            "multiplier": multiplier,
            "lr": config.base_lr * multiplier,
            "weight_decay": decay,
        }
        for key, (multiplier, decay) in named.items()
        if members[key]
    ]


def set_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, step: int) -> float:
    """Give every group its rate for a step, counted from 0; returns the backbone's rate."""
    rate = config.base_lr * poly(step, config)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["multiplier"]
    return rate


def poly(step: int, config: TrainConfig) -> float:
    """Factor of the base rate at a step: (1 - step / iterations) ** power, after the warm-up."""
    factor: float = (1 - step / config.iterations) ** config.poly_power
    if step < config.warmup_iterations:
        factor *= (step + 1) / config.warmup_iterations
    return factor


def prepare_batch_norm(network: nn.Module, config: TrainConfig) -> None:
    """Say which batch norm parameters learn, in place; `set_training` sees to the statistics."""
    for norm in _batch_norms(network):
        norm.requires_grad_(config.batch_norm != "frozen")
        if config.batch_norm == "slow":
            norm.momentum = 0.01


def freeze(network: DeepLab, config: TrainConfig) -> None:
    """Keep the modules of `config.freeze` as they are, in place; no gradient is computed for them.

    Raises:
        ValueError: The backbone has no module of that name.
    """
    modules = dict(network.backbone.named_modules())
    for name in config.freeze:
        if name not in modules:
            top = ", ".join(child for child, _ in network.backbone.named_children())
            raise ValueError(f"train.freeze: the backbone has no module {name!r}; it has {top}")
        modules[name].requires_grad_(False)


def set_training(network: nn.Module, config: TrainConfig) -> None:
    """Put a network into training mode, except for batch norms whose statistics stay."""
    network.train()
    for norm in _batch_norms(network):
        learns = any(parameter.requires_grad for parameter in norm.parameters())
        if config.batch_norm != "slow" or not learns:
            norm.eval()


def _batch_norms(network: nn.Module) -> Iterator[_BatchNorm]:
    return (module for module in network.modules() if isinstance(module, _BatchNorm))


def _kinds(module: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    for child in module.modules():
        for name, parameter in child.named_parameters(recurse=False):
            if isinstance(child, _BatchNorm | nn.GroupNorm | nn.LayerNorm):
                yield "norms", parameter
            else:
                yield ("biases" if name == "bias" else "weights"), parameter
