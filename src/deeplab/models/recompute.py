"""Activation checkpointing: keep a few feature maps for the way back, and compute the rest again.

Reference: Chen et al., arXiv 1604.06174. A network is run in parts; of each only the input is kept,
and on the way back the part is run a second time. Gradients are the same; a step takes a third
longer.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

Part = Sequence[Callable[[Tensor], Tensor]]
"""Layers that follow on each other."""


class Recomputed(nn.Module):
    """A network that can forget its activations.

    Attributes:
        recomputes: Whether it does, in training; see `recompute_activations`.
    """

    recomputes: bool = False

    def run_parts(self, parts: Sequence[Part], features: Tensor) -> Tensor:
        """Run parts one after the other."""
        for part in parts:
            through = partial(_through, part)
            if not (self.recomputes and self.training and torch.is_grad_enabled()):
                features = through(features)
            elif any(
                isinstance(module, _BatchNorm) and module.training for module in self.modules()
            ):
                context = partial(_contexts, self)
                features = _recomputed(through, features, context_fn=context)
            else:
                features = _recomputed(through, features)
        return features


def recompute_activations(network: nn.Module) -> None:
    """Let the backbone and the hidden layers of the head of a `DeepLab` forget, in place.

    Raises:
        ValueError: The backbone is not one of ours.
    """
    if not isinstance(network.backbone, Recomputed):
        raise ValueError(
            "train.checkpoint_activations is for the backbones vgg16, resnet50, resnet101 and "
            "their variants: set it to false for others"
        )
    for module in network.modules():
        if isinstance(module, Recomputed):
            module.recomputes = True


_recomputed = partial(checkpoint, use_reentrant=False)


def _through(part: Part, features: Tensor) -> Tensor:
    for layer in part:
        features = layer(features)
    return features


def _contexts(
    network: nn.Module,
) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Give what to run parts in, the first time and the second."""
    return nullcontext(), _statistics_stay(network)


@contextmanager
def _statistics_stay(network: nn.Module) -> Iterator[None]:
    """Keep batch norms from counting a batch twice."""
    norms = [one for one in network.modules() if isinstance(one, _BatchNorm) and one.training]
    before = [(norm.momentum, cast(Tensor, norm.num_batches_tracked).clone()) for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum = momentum
            cast(Tensor, norm.num_batches_tracked).copy_(count)
