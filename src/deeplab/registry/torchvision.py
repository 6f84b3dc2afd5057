"""torchvision's DeepLab v3, and the ImageNet networks that many start from.

Addresses, sizes and scores are those of torchvision 0.20's own source; the last 8 characters of a
file's name are the beginning of its SHA-256.
"""

from deeplab.registry.records import ForeignWeights, Score

_HOST = "https://download.pytorch.org/models"
_DOCS = "https://docs.pytorch.org/vision/stable/models.html"
_OF_CODE = "BSD-3-Clause (of the code; none stated for the weights)"


def _deeplab_v3(
    backbone: str, title: str, sha256: str, size_mb: float, miou: float
) -> ForeignWeights:
    file_name = f"deeplabv3_{backbone}-{sha256}.pth"
    return ForeignWeights(
        name=f"torchvision-deeplabv3-{backbone.removesuffix('_coco').replace('_', '-')}",
        network=f"DeepLab v3, {title}",
        publisher="torchvision",
        layout="torchvision-deeplabv3",
        num_classes=21,
        classes="coco-voc20",
        file_name=file_name,
        page=_DOCS,
        urls=(f"{_HOST}/{file_name}",),
        sha256=sha256,
        size_mb=size_mb,
        scores=(Score(miou, "COCO val2017, VOC's classes, 520 pixels", "torchvision", _DOCS),),
        trained_on=("imagenet", "coco"),
        licence=_OF_CODE,
    )


def _imagenet(depth: int, version: int, sha256: str, size_mb: float) -> ForeignWeights:
    file_name = f"resnet{depth}-{sha256}.pth"
    return ForeignWeights(
        name=f"torchvision-resnet{depth}-v{version}",
        network=f"ResNet-{depth}, strides in the 3x3",
        publisher="torchvision",
        layout="torchvision-resnet",
        num_classes=1000,
        classes="ImageNet",
        file_name=file_name,
        page=_DOCS,
        urls=(f"{_HOST}/{file_name}",),
        sha256=sha256,
        size_mb=size_mb,
        trained_on=("imagenet",),
        licence=_OF_CODE,
        trap="what training starts from: it classifies whole pictures",
    )


TORCHVISION: tuple[ForeignWeights, ...] = (
    _deeplab_v3("resnet50_coco", "ResNet-50", "cd0a2569", 168.3, 0.664),
    _deeplab_v3("resnet101_coco", "ResNet-101", "586e9e4e", 244.5, 0.674),
    _deeplab_v3("mobilenet_v3_large", "MobileNetV3-Large", "fc3c493d", 44.4, 0.603),
    _imagenet(50, 1, "0676ba61", 102.5),
    _imagenet(50, 2, "11ad3fa6", 102.5),
    _imagenet(101, 1, "63fe2227", 178.8),
    _imagenet(101, 2, "cd907fc2", 178.8),
)
"""In the order in which they are listed."""
