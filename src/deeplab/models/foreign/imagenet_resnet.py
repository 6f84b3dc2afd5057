"""ResNets that classify ImageNet, under torchvision's names.

Their last layer, `fc`, sees the average of all features; here it sees every position by itself.
"""

from deeplab.models.deeplab import LinearConfig, ModelConfig
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import RESNET_RULES, depth_of, num_rows, rename

_RULES = (*RESNET_RULES, (r"fc\.(weight|bias)", r"head.classifier.\1"))


def _recognises_torchvision(tensors: Tensors) -> bool:
    return "conv1.weight" in tensors and _has_blocks(tensors)


def _recognises_v1c(tensors: Tensors) -> bool:
    return "stem.0.weight" in tensors and _has_blocks(tensors)


def _recognises_nothing(tensors: Tensors) -> bool:
    return False


def _convert_torchvision(tensors: Tensors) -> Converted:
    remark = "taken for torchvision's (stride in the 3x3, RGB); MSRA's have the same names"
    return _convert(tensors, "-torchvision", {"names": remark})


def _convert_msra(tensors: Tensors) -> Converted:
    return _convert(tensors, "", {})


def _convert_v1c(tensors: Tensors) -> Converted:
    return _convert(tensors, "-v1c", {})


TORCHVISION_RESNET = Layout(
    name="torchvision-resnet",
    describes="torchvision: ResNet-50 and -101 for ImageNet (and any other under its names)",
    recognises=_recognises_torchvision,
    convert=_convert_torchvision,
)

MSRA_RESNET = Layout(
    name="msra-resnet",
    describes="He's Caffe ResNets for ImageNet under torchvision's names; only if you say so",
    recognises=_recognises_nothing,  # no name tells them from torchvision's
    convert=_convert_msra,
)

V1C_RESNET = Layout(
    name="resnet-v1c",
    describes="open-mmlab: ResNetV1c-50 and -101 for ImageNet (three 3x3 filters first)",
    recognises=_recognises_v1c,
    convert=_convert_v1c,
)


def _has_blocks(tensors: Tensors) -> bool:
    others = ("layer5.", "layer6.")
    return "layer1.0.conv3.weight" in tensors and not any(n.startswith(others) for n in tensors)


def _convert(tensors: Tensors, flavour: str, remarks: dict[str, str]) -> Converted:
    weights = rename(tensors, _RULES)
    classifier = weights.get("head.classifier.weight")
    if classifier is not None and classifier.ndim == 2:
        weights["head.classifier.weight"] = classifier[:, :, None, None]
    config = ModelConfig(
        backbone=f"resnet{depth_of(tensors)}{flavour}",
        output_stride=8,
        head=LinearConfig(),
        num_classes=num_rows(tensors, "fc.weight") or 21,
        init="random",
    )
    return Converted(config, weights, remarks=remarks)
