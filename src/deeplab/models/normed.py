"""A convolution and the batch norm behind it, computed as one convolution where that is the same.

A batch norm whose statistics stay is a factor and an offset for each channel, so it can be taken
into the filter (`fold`). The published ResNet keeps its statistics while it learns: folding there
saves a pass over every feature map, and keeping them for the way back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn


class NormedConv2d(nn.Conv2d):
    """A convolution without bias, and its batch norm `norm`: (N, C, H, W) -> (N, D, h, w).

    Args:
        in_channels: C.
        out_channels: D.
        kernel_size: Height and width of the filter.
        padding: Zeros on every side.
        stride: Positions from one output to the next.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        padding: int,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=False
        )
        self.norm = nn.BatchNorm2d(out_channels)
        self.kept: tuple[Tensor, Tensor] | None = None  # see `folded_once`
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, input: Tensor) -> Tensor:
        """Convolve and normalise."""
        if self.norm.training:
            return cast(Tensor, self.norm(self._conv_forward(input, self.weight, None)))
        weight, bias = self.folded() if self.kept is None else self.kept
        return cast(Tensor, self._conv_forward(input, weight, bias))

    def folded(self) -> tuple[Tensor, Tensor]:
        """Give the filter (D, C, k, k) and the bias (D,) of convolution and batch norm together."""
        norm = self.norm
        mean, var = cast(Tensor, norm.running_mean), cast(Tensor, norm.running_var)
        factor = norm.weight * torch.rsqrt(var + norm.eps)
        return self.weight * factor.view(-1, 1, 1, 1), norm.bias - mean * factor


@contextmanager
def folded_once(network: nn.Module) -> Iterator[None]:
    """Fold all filters whose statistics stay once for all passes inside.

    For steps of several passes, and networks that score several scales: there folding anew takes as
    long as a tenth of the convolutions, and memory for every copy. Gradients gather at the folded
    filters, and reach the parameters when it ends. Between parameters that change nothing else may
    happen inside than forward and backward passes; not for distributed data parallel, which waits
    for the gradients of the parameters themselves.
    """
    convs = [one for one in network.modules() if isinstance(one, NormedConv2d)]
    folded = [(conv, conv.folded()) for conv in convs if not conv.norm.training]
    try:
        for conv, (weight, bias) in folded:
            conv.kept = _as_leaf(weight), _as_leaf(bias)
        yield
        while folded:  # whatever is done with goes: all together would be the network's size again
            conv, both = folded.pop()
            _pass_gradients(both, cast(tuple[Tensor, Tensor], conv.kept))
            conv.kept = None
    finally:
        for conv in convs:
            conv.kept = None


def _as_leaf(value: Tensor) -> Tensor:
    return value.detach().requires_grad_(value.requires_grad)


def _pass_gradients(values: tuple[Tensor, Tensor], leaves: tuple[Tensor, Tensor]) -> None:
    pairs = [
        (value, leaf.grad)
        for value, leaf in zip(values, leaves, strict=True)
        if leaf.grad is not None
    ]
    if pairs:
        reached, gradients = zip(*pairs, strict=True)
        torch.autograd.backward(reached, gradients)


def fold_norms(network: nn.Module) -> None:
    """Replace every `NormedConv2d` by a plain convolution, in place, for a network that only runs.

    Scores stay the same up to rounding; batch norms cannot be learnt afterwards.
    """
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, NormedConv2d):
                setattr(parent, name, _plain(child))


def _plain(conv: NormedConv2d) -> nn.Conv2d:
    plain = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        cast(tuple[int, int], conv.kernel_size),
        cast(tuple[int, int], conv.stride),
        cast(tuple[int, int], conv.padding),
        cast(tuple[int, int], conv.dilation),
    )
    with torch.no_grad():
        weight, bias = conv.folded()
    plain.weight, plain.bias = nn.Parameter(weight), nn.Parameter(bias)
    return plain.requires_grad_(False).train(conv.training)
