"""Renaming of tensors, and what all torch ResNets have in common."""

import re
from collections.abc import Sequence

from torch import Tensor

from deeplab.models.foreign.layout import Tensors

Rules = Sequence[tuple[str, str]]
"""Pairs of a pattern for whole names and what becomes of them, as `re.sub` takes it."""

_DEPTHS = {6: 50, 23: 101}  # by the number of blocks of the third stage (conv4_x)

RESNET_RULES: Rules = (
    (r"conv1\.weight", r"backbone.stem.weight"),
    (r"bn1\.(\w+)", r"backbone.stem.norm.\1"),
    # Three 3x3 filters instead of one of 7x7: filter, norm, ReLU; filter, norm, ReLU; filter, norm.
    (r"stem\.0\.weight", r"backbone.stem.0.weight"),
    (r"stem\.1\.(\w+)", r"backbone.stem.0.norm.\1"),
    (r"stem\.3\.weight", r"backbone.stem.2.weight"),
    (r"stem\.4\.(\w+)", r"backbone.stem.2.norm.\1"),
    (r"stem\.6\.weight", r"backbone.stem.4.weight"),
    (r"stem\.7\.(\w+)", r"backbone.stem.4.norm.\1"),
    (r"(layer[1-4]\.\d+\.conv[123])\.weight", r"backbone.\1.weight"),
    (r"(layer[1-4]\.\d+)\.bn([123])\.(\w+)", r"backbone.\1.conv\2.norm.\3"),
    (r"(layer[1-4]\.\d+)\.downsample\.0\.weight", r"backbone.\1.downsample.weight"),
    (r"(layer[1-4]\.\d+)\.downsample\.1\.(\w+)", r"backbone.\1.downsample.norm.\2"),
)
"""From torchvision's names of a ResNet, and mmseg's, to those of our `ResNet` in a `DeepLab`."""


def rename(tensors: Tensors, rules: Rules) -> dict[str, Tensor]:
    """Give tensors other names; those that no rule knows keep theirs, and so are found later.

    Raises:
        ValueError: Two tensors would have the same name.
    """
    renamed: dict[str, Tensor] = {}
    for name, value in tensors.items():
        new_name = _new_name(name, rules)
        if new_name in renamed:
            raise ValueError(f"{name!r} is there twice, under different names ({new_name!r})")
        renamed[new_name] = value
    return renamed


def below(tensors: Tensors, prefix: str) -> dict[str, Tensor]:
    """Give the tensors whose names begin with a prefix, by the rest of their names."""
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def depth_of(tensors: Tensors, stage: str = r"layer3\.(\d+)\.") -> int:
    """Tell a ResNet of 50 layers from one of 101 by its blocks.

    Args:
        tensors: Of the network.
        stage: Pattern of how names of the third stage (conv4_x) begin; its group is the number of
            the block.

    Raises:
        ValueError: It has neither 6 nor 23 blocks there.
    """
    blocks = {match[1] for name in tensors if (match := re.match(stage, name))}
    if len(blocks) not in _DEPTHS:
        raise ValueError(
            f"a ResNet of {len(blocks)} blocks in the stage conv4_x: allowed are 6 (ResNet-50) and "
            "23 (ResNet-101)"
        )
    return _DEPTHS[len(blocks)]


def num_rows(tensors: Tensors, name: str) -> int | None:
    """Say how many rows a tensor has: the classes of a last layer. None: it is not there."""
    value = tensors.get(name)
    return None if value is None or value.ndim == 0 else len(value)


def _new_name(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        match = re.fullmatch(pattern, name)
        if match is not None:
            return match.expand(replacement)
    return name
