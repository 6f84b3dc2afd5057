"""What the layers of Caffe networks have in common: filters, biases, rates; see `caffemodel`."""

import re
from collections.abc import Iterable, Sequence
from math import isqrt

from torch import Tensor

from deeplab.models.foreign.layout import Tensors

COLOURS = "B, G, R, as the network was trained; its filters are as in the file"
_PUBLISHED_RATES = {1: (12,), 4: (6, 12, 18, 24)}  # by the number of branches: LargeFOV, ASPP-L
NO_HEAD = (
    "none in the file: the network has random ones for 21 classes; model.init takes the backbone"
)


def layers_with_weights(tensors: Tensors) -> list[str]:
    """List the layers that have blobs, in the order of the file."""
    return [name.removesuffix("/0") for name in tensors if name.endswith("/0")]


def blobs_of(tensors: Tensors, layers: Iterable[str]) -> tuple[str, ...]:
    """List the names of all blobs of some layers."""
    wanted = set(layers)
    return tuple(
        name for name in tensors if re.search(r"/\d+$", name) and name.rpartition("/")[0] in wanted
    )


def filters_of(tensors: Tensors, layer: str, in_channels: int) -> Tensor:
    """Give the filters of a convolution, or of an inner product as one: (out, in, k, k).

    Args:
        tensors: As `read_caffemodel` gives them.
        layer: Name of the layer.
        in_channels: Channels of what the layer sees; of an inner product that sees a whole feature
            map they tell its size.

    Raises:
        ValueError: An inner product does not see whole channels of a square.
    """
    weight = tensors[f"{layer}/0"]
    if weight.ndim == 4 and weight.shape[:2] == (1, 1):
        weight = weight[0, 0]  # an inner product of an old file
    if weight.ndim == 4:
        return weight
    if weight.ndim != 2:
        raise ValueError(
            f"layer {layer!r} has weights of shape {tuple(weight.shape)}; allowed are (out, in, h, "
            "w) of a convolution and (out, in) of an inner product"
        )
    out_channels, num_inputs = weight.shape
    side = isqrt(num_inputs // in_channels)
    if side == 0 or in_channels * side * side != num_inputs:
        raise ValueError(
            f"layer {layer!r} takes {num_inputs} values; allowed are {in_channels} channels of a "
            f"square, such as {in_channels} or {in_channels * 49}"
        )
    return weight.reshape(out_channels, in_channels, side, side)


def layer_as(tensors: Tensors, layer: str, name: str, in_channels: int) -> dict[str, Tensor]:
    """Rename weight and bias of a layer: `{name}.weight` (out, in, k, k), `{name}.bias` (out,)."""
    found = {f"{name}.weight": filters_of(tensors, layer, in_channels)}
    if f"{layer}/1" in tensors:
        found[f"{name}.bias"] = tensors[f"{layer}/1"].reshape(-1)
    return found


def rate_of(tensors: Tensors, layer: str, kernel_size: int) -> int | None:
    """Tell the atrous rate of a layer by its settings in the file; None: they do not tell.

    DeepLab's first release has settings of its own for rates. There the padding tells: all these
    layers keep the size of their input, so that it is (kernel size - 1) * rate / 2.
    """
    dilation, pad = tensors.get(f"{layer}/dilation"), tensors.get(f"{layer}/pad")
    if dilation is not None and len(dilation):
        return int(dilation[0])
    if pad is not None and len(pad) and int(pad[0]) and kernel_size > 1:
        return max(1, 2 * int(pad[0]) // (kernel_size - 1))
    return None


def rates_of(tensors: Tensors, branches: Sequence[str]) -> tuple[tuple[int, ...], str]:
    """Tell the atrous rates of 3x3 layers whose scores are added, and how they are known.

    Raises:
        ValueError: The file does not say them, and there are as many as nobody published.
    """
    told = [rate_of(tensors, name, 3) for name in branches]
    rates = tuple(rate for rate in told if rate is not None)
    if len(rates) == len(branches):
        return rates, "as the file says"
    if len(branches) not in _PUBLISHED_RATES:
        raise ValueError(
            f"{len(branches)} branches ({', '.join(branches)}), and the file does not say their "
            "rates (pad or dilation); they are known for four (6, 12, 18, 24) and for one (12)"
        )
    return _PUBLISHED_RATES[len(branches)], "as published; the file does not say them"
