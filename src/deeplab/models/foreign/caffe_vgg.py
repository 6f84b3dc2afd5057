"""VGG-16 in Caffe: ImageNet's, and DeepLab's with LargeFOV and ASPP.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1.1 and Table 1; released
`deeplab_largeFOV/train.prototxt` (v1) and `deeplab_aspp_vgg16` (v2).
"""

import re
from dataclasses import dataclass, field

from torch import Tensor

from deeplab.models.deeplab import (
    ASPPConfig,
    HeadConfig,
    LargeFOVConfig,
    LinearConfig,
    ModelConfig,
)
from deeplab.models.foreign.caffe_layers import (
    COLOURS,
    NO_HEAD,
    layer_as,
    layers_with_weights,
    rate_of,
    rates_of,
)
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.vgg import VGG_FEATURES

_BACKBONE = tuple(
    f"conv{stage}_{place}"
    for stage, num_convs in enumerate((2, 2, 3, 3, 3), 1)
    for place in range(1, num_convs + 1)
)
_SINGLE = re.compile(r"fc(6|7|8)(?:_.*)?")
_BRANCH = re.compile(r"fc(6|7|8)(?:_.*)?_(\d+)")
_RATE_OF_KERNEL = {3: 12, 4: 4, 7: 4}


def _recognises(tensors: Tensors) -> bool:
    return "conv1_1/0" in tensors and "conv5_3/0" in tensors


def _convert(tensors: Tensors) -> Converted:
    layers = layers_with_weights(tensors)
    weights: dict[str, Tensor] = {}
    for name in _BACKBONE:
        if name in layers:
            weights |= layer_as(tensors, name, f"backbone.layers.{name}", in_channels=3)
    head = _head(tensors, [name for name in layers if name not in _BACKBONE])
    config = ModelConfig(
        backbone="vgg16",
        output_stride=8,
        head=head.config,
        num_classes=head.num_classes,
        init="random",
    )
    remarks = {"colour order": COLOURS} | head.remarks
    return Converted(config, weights | head.weights, remarks=remarks)


CAFFE_VGG16 = Layout(
    name="caffe-vgg16",
    describes="Caffe: the authors' DeepLab v1 and v2 (VGG-16) and their starts, ImageNet's VGG-16",
    recognises=_recognises,
    convert=_convert,
)


@dataclass(frozen=True)
class _Head:
    config: HeadConfig
    weights: dict[str, Tensor] = field(default_factory=dict)
    num_classes: int = 21
    remarks: dict[str, str] = field(default_factory=dict)


def _head(tensors: Tensors, layers: list[str]) -> _Head:
    """Tell the head by the layers that are not the backbone's."""
    if not layers:
        return _Head(LinearConfig(), remarks={"head": NO_HEAD})
    if any(_BRANCH.fullmatch(name) and name.startswith("fc6") for name in layers):
        return _aspp(tensors, layers)
    places = _sorted(layers, _SINGLE)
    if "fc6" not in layers or len(places) < len(layers):
        raise _unknown(layers)
    weights = _branch(tensors, {number: name for (number, _), name in places.items()}, "head")
    channels, _, kernel_size, _ = weights["head.fc6.weight"].shape
    rate, rate_remark = _rate(tensors, kernel_size)
    average_pool, remark = _average_pool(tensors, kernel_size)
    config = LargeFOVConfig(
        kernel_size=kernel_size, rate=rate, hidden_channels=channels, average_pool=average_pool
    )
    remarks = {"rate": rate_remark, "pool5a": remark}
    return _finished(config, weights, "head.fc8.weight", remarks)


def _aspp(tensors: Tensors, layers: list[str]) -> _Head:
    places = _sorted(layers, _BRANCH)
    numbers = sorted({branch for _, branch in places})
    wide = [places.get(("6", number), "") for number in numbers]
    if len(places) < len(layers) or "" in wide or numbers != list(range(1, len(numbers) + 1)):
        raise _unknown(layers)
    weights: dict[str, Tensor] = {}
    for number in numbers:
        names = {part: name for (part, branch), name in places.items() if branch == number}
        weights |= _branch(tensors, names, f"head.branches.{number - 1}")
    channels, _, kernel_size, _ = weights["head.branches.0.fc6.weight"].shape
    if kernel_size != 3:
        raise ValueError(
            f"layer {wide[0]!r} is {kernel_size}x{kernel_size}; allowed in ASPP is 3x3 (published)"
        )
    rates, remark = rates_of(tensors, wide)
    config = ASPPConfig(rates=rates, hidden_channels=channels, dropout=0.5)
    remarks = {"rates": remark}
    return _finished(config, weights, "head.branches.0.fc8.weight", remarks)


def _sorted(layers: list[str], pattern: re.Pattern[str]) -> dict[tuple[str, int], str]:
    """Find what each layer of a head is: (6, 7 or 8, branch or 0) -> its name."""
    found = {}
    for name in layers:
        match = pattern.fullmatch(name)
        if match is not None:
            found[match[1], int(match[2]) if len(match.groups()) > 1 else 0] = name
    return found


def _branch(tensors: Tensors, names: dict[str, str], place: str) -> dict[str, Tensor]:
    """Rename fc6, fc7 and fc8 of one branch; each sees what the one before it gives."""
    weights: dict[str, Tensor] = {}
    channels = VGG_FEATURES
    for part in ("6", "7", "8"):
        if part in names:
            weights |= layer_as(tensors, names[part], f"{place}.fc{part}", channels)
            channels = len(weights[f"{place}.fc{part}.weight"])
    return weights


def _finished(
    config: HeadConfig, weights: dict[str, Tensor], classifier: str, remarks: dict[str, str]
) -> _Head:
    if classifier in weights:
        return _Head(config, weights, len(weights[classifier]), remarks)
    remark = (
        "no fc8 in the file: the network has a random one for 21 classes; model.init takes the rest"
    )
    return _Head(config, weights, remarks=remarks | {"head": remark})


def _rate(tensors: Tensors, kernel_size: int) -> tuple[int, str]:
    """Tell the rate of fc6, and how it is known."""
    told = rate_of(tensors, "fc6", kernel_size)
    if told is not None:
        return told, "as the file says"
    if kernel_size not in _RATE_OF_KERNEL:
        raise ValueError(
            f"layer 'fc6' is {kernel_size}x{kernel_size} and the file does not say its rate; rates "
            "are known for 3x3 (12), 4x4 and 7x7 (4)"
        )
    return _RATE_OF_KERNEL[kernel_size], "as published; the file does not say it"


def _average_pool(tensors: Tensors, kernel_size: int) -> tuple[bool, str]:
    """Tell whether features are averaged before fc6 (`pool5a`), and how that is known."""
    if "pool5a/pool" in tensors:
        return True, "as the file says: there"
    if any(name.endswith("/pool") for name in tensors):
        return False, "as the file says: not there"
    if int(tensors.get("net/version", [2])[0]) == 1 and kernel_size == 3:
        return True, "there, as in the first release: the file is as old and lists no pools"
    return False, "not there, as in the paper: the file lists no pools"


def _unknown(layers: list[str]) -> ValueError:
    return ValueError(
        f"cannot tell the head by the layers {', '.join(layers)}: allowed behind conv1_1 to "
        "conv5_3 are fc6, fc7 and fc8, or several of each, numbered fc6_1, fc6_2, ...; VGG-16 "
        "alone is known"
    )
