"""Depthwise convolution whose gradients are as cheap as the convolution itself on a CPU.

The gradients PyTorch computes for depthwise convolutions on a CPU fall back to slow kernels as soon
as they are dilated, strided or bfloat16; in a light atrous network they take three quarters of a
training step. Here the gradient towards the input is a depthwise convolution again, for which the
forward kernel is fast: the output gradient, spread with zeros by the stride, under the turned
filter. The gradient towards the filter runs in whichever of bfloat16 and float32 has the fast
kernel.

Shapes: N images, C channels, (H, W) input, (h, w) output, k the kernel's side.
"""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional


class DepthwiseConv2d(nn.Conv2d):
    """A depthwise `nn.Conv2d` (groups = channels, square kernel, no bias) with fast CPU gradients.

    Same parameters, state dict and values as `nn.Conv2d`; only the backward pass is computed
    another way, and only on a CPU.
    """

    @classmethod
    def from_conv(cls, conv: nn.Conv2d) -> "DepthwiseConv2d":
        """Take over settings and the very weight of a convolution that `is_depthwise` accepts."""
        taken = cls(
            conv.in_channels,
            conv.out_channels,
            cast(tuple[int, int], conv.kernel_size),
            cast(tuple[int, int], conv.stride),
            cast(tuple[int, int], conv.padding),
            cast(tuple[int, int], conv.dilation),
            conv.groups,
            bias=False,
        )
        taken.weight = conv.weight
        return taken.train(conv.training)

    def forward(self, input: Tensor) -> Tensor:
        """Convolve: (N, C, H, W) -> (N, C, h, w)."""
        wants_gradient = torch.is_grad_enabled() and (
            input.requires_grad or self.weight.requires_grad
        )
        if input.device.type != "cpu" or not wants_gradient:
            return super().forward(input)
        settings = (self.stride[0], cast(int, self.padding[0]), self.dilation[0])
        weight = self.weight
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
            input, weight = input.to(dtype), weight.to(dtype)
        return cast(Tensor, _DepthwiseFunction.apply(input, weight, *settings))


def is_depthwise(module: nn.Module) -> bool:
    """Tell whether `DepthwiseConv2d.from_conv` can stand in for a module."""
    return (
        type(module) is nn.Conv2d
        and module.groups == module.in_channels == module.out_channels > 1
        and module.bias is None
        and module.padding_mode == "zeros"
        and all(
            not isinstance(pair, str) and pair[0] == pair[1]
            for pair in (module.kernel_size, module.stride, module.padding, module.dilation)
        )
        # More padding than the filter reaches would have to be cut off again on the way back.
        and cast(int, module.padding[0]) <= module.dilation[0] * (module.kernel_size[0] - 1)
    )


def speed_up_depthwise(network: nn.Module) -> None:
    """Replace every depthwise convolution of a network, in place; names and weights stay."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            if is_depthwise(child):
                setattr(parent, name, DepthwiseConv2d.from_conv(cast(nn.Conv2d, child)))


class _DepthwiseFunction(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, stride: int, padding: int, rate: int
    ) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.settings = stride, padding, rate
        return functional.conv2d(input, weight, None, stride, padding, rate, weight.shape[0])

    @staticmethod
    def backward(
        ctx: Any, output_gradient: Tensor
    ) -> tuple[Tensor | None, Tensor | None, None, None, None]:
        input, weight = ctx.saved_tensors
        towards_input = towards_weight = None
        if ctx.needs_input_grad[0]:
            size = input.shape[-2:]
            towards_input = _input_gradient(output_gradient, weight, size, *ctx.settings)
        if ctx.needs_input_grad[1]:
            towards_weight = _weight_gradient(output_gradient, input, weight, *ctx.settings)
        return towards_input, towards_weight, None, None, None


def _input_gradient(
    output_gradient: Tensor, weight: Tensor, size: torch.Size, stride: int, padding: int, rate: int
) -> Tensor:
    """Gradient towards the input, (N, C, H, W)."""
    reach = rate * (weight.shape[-1] - 1)
    spread = output_gradient
    if stride > 1:
        # Also room for the last rows and columns, which no output reaches when the stride leaves a
        # remainder.
        height, width = (n + 2 * padding - reach for n in size)
        spread = torch.empty(
            (*output_gradient.shape[:2], height, width),
            dtype=output_gradient.dtype,
            memory_format=torch.channels_last,
        ).zero_()
        spread[..., ::stride, ::stride] = output_gradient
    turned = weight.flip(-2, -1)
    return functional.conv2d(spread, turned, None, 1, reach - padding, rate, weight.shape[0])


def _weight_gradient(
    output_gradient: Tensor, input: Tensor, weight: Tensor, stride: int, padding: int, rate: int
) -> Tensor:
    """Gradient towards the filter, (C, 1, k, k)."""
    dtype = input.dtype
    if dtype == torch.bfloat16 and (weight.shape[-1] != 3 or rate != 1):
        dtype = torch.float32  # only the plain 3x3 has a fast bfloat16 kernel
    gradients = torch.ops.aten.convolution_backward(
        output_gradient.to(dtype),
        input.to(dtype),
        weight.to(dtype),
        None,
        [stride, stride],
        [padding, padding],
        [rate, rate],
        False,
        [0, 0],
        weight.shape[0],
        [False, True, False],
    )
    return cast(Tensor, gradients[1]).to(weight.dtype)
