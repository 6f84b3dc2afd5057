"""Weights into a network, all of them or none: what is missing, spare or different is said."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from deeplab.models.foreign.layouts import first_names
from deeplab.models.heads import is_of_classes

_COUNTER = "num_batches_tracked"  # of batch norms; nothing depends on it, and old files lack it


def load_strictly(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Fill a network, in place; 16 bits are widened.

    A file without any head (`head.`), or without the last layers of it, leaves those of the network
    as they are.

    Args:
        network: A `DeepLab`.
        weights: Its state dict.

    Raises:
        ValueError: Tensors are missing, spare, of another shape, of no float type, or not finite:
            one message that says all of it.
    """
    own = network.state_dict()
    has_head = any(name.startswith("head.") for name in weights)
    has_classes = any(is_of_classes(name) for name in weights)
    wanted = [
        name
        for name in own
        if (has_head or not name.startswith("head.")) and (has_classes or not is_of_classes(name))
    ]
    faults = [
        _fault("missing", [n for n in wanted if n not in weights and not n.endswith(_COUNTER)]),
        _fault("spare", [name for name in weights if name not in own]),
        _fault(
            "of another shape",
            [
                f"{name} {tuple(value.shape)} where the network has {tuple(own[name].shape)}"
                for name, value in weights.items()
                if name in own and value.shape != own[name].shape
            ],
        ),
    ]
    same = {n: v for n, v in weights.items() if n in own and v.shape == own[n].shape}
    faults += [
        _fault("not of floats", [_typed(n, v) for n, v in same.items() if _is_no_float(v, own[n])]),
        _fault("not finite", [name for name, value in same.items() if not _is_finite(value)]),
    ]
    found = "; ".join(fault for fault in faults if fault)
    if found:
        raise ValueError(f"weights do not fit the network: {found}")
    network.load_state_dict(same, strict=False)


def _fault(what: str, names: list[str]) -> str:
    return f"{len(names)} {what}: {first_names(names)}" if names else ""


def _typed(name: str, value: Tensor) -> str:
    return f"{name} ({str(value.dtype).removeprefix('torch.')})"


def _is_no_float(value: Tensor, own: Tensor) -> bool:
    return own.is_floating_point() and not value.is_floating_point()


def _is_finite(value: Tensor) -> bool:
    return not value.is_floating_point() or bool(torch.isfinite(value.float()).all())
