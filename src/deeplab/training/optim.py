"""Parameter groups, the optimiser and the poly schedule.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1 (poly), and the released `solver.prototxt`
(multipliers).
"""

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from deeplab.models import DeepLab, is_of_classes
from deeplab.training.config import TrainConfig


def make_optimiser(network: DeepLab, config: TrainConfig) -> torch.optim.Optimizer:
    """Make the optimiser over the parameters that learn; call `prepare_batch_norm` before."""
    groups = parameter_groups(network, config)
    if config.optimiser == "sgd":
        return CaffeSGD(groups, lr=config.base_lr, momentum=config.momentum)
    return torch.optim.AdamW(groups, lr=config.base_lr, betas=(config.momentum, 0.999))


def parameter_groups(network: DeepLab, config: TrainConfig) -> list[dict[str, Any]]:
    """Sort parameters by rate and decay.

    Returns:
        Groups for an optimiser; `multiplier` is the group's rate relative to `base_lr`.
    """
    decay, hidden = config.weight_decay, config.hidden_lr_multiplier
    named = {
        ("backbone", "weights"): (1.0, decay),
        ("backbone", "biases"): (config.backbone_bias_lr_multiplier, 0.0),
        ("backbone", "norms"): (1.0, 0.0),
        ("hidden", "weights"): (hidden, decay),
        ("hidden", "biases"): (2 * hidden, 0.0),
        ("hidden", "norms"): (hidden, 0.0),
        ("head", "weights"): (config.head_lr_multiplier, decay),
        ("head", "biases"): (config.head_bias_lr_multiplier, 0.0),
    }
    members: dict[tuple[str, str], list[nn.Parameter]] = {key: [] for key in named}
    kinds = _kinds(network)
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            members[_part(name), kinds[parameter]].append(parameter)
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


class CaffeSGD(torch.optim.Optimizer):
    """Gradient descent with momentum in Caffe's form (`sgd_solver.cpp`).

    V <- momentum * V + rate * (gradient + decay * w), w <- w - V. The rate is inside of V; in
    torch.optim.SGD it is outside, so that past gradients shrink with the rate while it falls.

    Args:
        params: Parameters or groups of them; `lr` and `weight_decay` may differ between groups.
        lr: Rate of groups that say nothing.
        momentum: 0..1.
    """

    def __init__(self, params: Iterable[Any], *, lr: float, momentum: float) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Take one step."""
        for group in self.param_groups:
            weights = [one for one in group["params"] if one.grad is not None]
            gradients = [one.grad for one in weights]
            for one in weights:
                if not self.state[one]:
                    self.state[one]["velocity"] = torch.zeros_like(one)
            velocities = [self.state[one]["velocity"] for one in weights]
            if not weights:
                continue
            torch._foreach_mul_(velocities, group["momentum"])
            torch._foreach_add_(velocities, gradients, alpha=group["lr"])
            decay = group["lr"] * group["weight_decay"]
            if decay:  # added by itself: a sum with the gradients would be as large as the network
                torch._foreach_add_(velocities, weights, alpha=decay)
            torch._foreach_sub_(weights, velocities)


def set_rate(optimiser: torch.optim.Optimizer, config: TrainConfig, step: int) -> float:
    """Give every group its rate for a step, counted from 0; returns the backbone's rate."""
    rate = config.base_lr * schedule(step, config)
    for group in optimiser.param_groups:
        group["lr"] = rate * group["multiplier"]
    return rate


def schedule(step: int, config: TrainConfig) -> float:
    """Factor of the base rate at a step, counted from 0: by the schedule, after the warm-up."""
    factor: float = (1 - step / config.iterations) ** config.poly_power
    if config.schedule == "step":
        factor = config.step_factor ** (step // config.step_iterations)
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


def _part(name: str) -> str:
    """Tell by a parameter's name whether it is of the backbone, of hidden layers, or the last."""
    if name.startswith("backbone."):
        return "backbone"
    return "head" if is_of_classes(name) else "hidden"


def _kinds(network: nn.Module) -> dict[nn.Parameter, str]:
    kinds: dict[nn.Parameter, str] = {}
    for child in network.modules():
        for name, parameter in child.named_parameters(recurse=False):
            if isinstance(child, _BatchNorm | nn.GroupNorm | nn.LayerNorm):
                kinds[parameter] = "norms"
            else:
                kinds[parameter] = "biases" if name == "bias" else "weights"
    return kinds
