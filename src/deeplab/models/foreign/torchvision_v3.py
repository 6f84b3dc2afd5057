"""torchvision's DeepLabV3 networks: `deeplabv3_resnet50`, `_resnet101`, `_mobilenet_v3_large`."""

from deeplab.models.deeplab import ModelConfig, TorchvisionV3Config
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import depth_of, num_rows, rename

_LAST = "classifier.4.weight"
_STAGE = r"backbone\.layer3\.(\d+)\."
_RULES = ((r"backbone\.(.+)", r"backbone.body.\1"), (r"classifier\.(.+)", r"head.\1"))


def _recognises(tensors: Tensors) -> bool:
    return "classifier.0.convs.0.0.weight" in tensors and _LAST in tensors


def _convert(tensors: Tensors) -> Converted:
    is_resnet = "backbone.conv1.weight" in tensors
    ignored = tuple(name for name in tensors if name.startswith("aux_classifier."))
    kept = {name: value for name, value in tensors.items() if name not in ignored}
    name = f"resnet{depth_of(tensors, _STAGE)}" if is_resnet else "mobilenet_v3_large"
    config = ModelConfig(
        backbone=f"torchvision/{name}",
        output_stride=8 if is_resnet else 16,
        head=TorchvisionV3Config(),
        num_classes=num_rows(tensors, _LAST) or 21,
        init="random",
    )
    remarks = {"size": "torchvision resizes pictures to a shorter side of 520 pixels before"}
    return Converted(config, rename(kept, _RULES), ignored=ignored, remarks=remarks)


TORCHVISION_V3 = Layout(
    name="torchvision-deeplabv3",
    describes="torchvision: DeepLabV3 on ResNet-50, ResNet-101 or MobileNetV3-Large",
    recognises=_recognises,
    convert=_convert,
)
