"""torchvision's DeepLabV3 networks, taken apart into a backbone and a head of ours.

They are torchvision's own modules: strides, rates, batch norms and image pooling are theirs. The
auxiliary classifier is left out, and class scores are those before torchvision enlarges them.
Reference: DeepLab v3, arXiv 1706.05587; torchvision `models/segmentation/deeplabv3.py`.
"""

from collections.abc import Callable
from functools import partial
from typing import cast

from torch import Tensor, nn
from torchvision.models import segmentation
from torchvision.models.segmentation.deeplabv3 import DeepLabHead

_NETWORKS: dict[str, tuple[Callable[..., nn.Module], int]] = {
    "torchvision/resnet50": (segmentation.deeplabv3_resnet50, 8),
    "torchvision/resnet101": (segmentation.deeplabv3_resnet101, 8),
    "torchvision/mobilenet_v3_large": (segmentation.deeplabv3_mobilenet_v3_large, 16),
}
"""torchvision's builder of the whole network, and the output stride that it has."""


class TorchvisionBackbone(nn.Module):
    """The features of one of torchvision's DeepLabV3: (N, 3, H, W) -> (N, C, h, w).

    Args:
        name: Such as "torchvision/resnet50".
        output_stride: 8 for ResNets, 16 for MobileNetV3: torchvision has no other.
        in_channels: 3.

    Raises:
        ValueError: Another output stride, or other pictures.
    """

    def __init__(self, name: str, output_stride: int, *, in_channels: int = 3) -> None:
        super().__init__()
        make, its_stride = _NETWORKS[name]
        if output_stride != its_stride:
            raise ValueError(
                f"model.output_stride={output_stride}: {name} has {its_stride}, and no other; a "
                "ResNet of ours or a backbone of timm takes any"
            )
        if in_channels != 3:
            raise ValueError(
                f"model.in_channels={in_channels}: {name} takes pictures of three bands; a ResNet "
                "of ours or a backbone of timm takes any"
            )
        network = make(weights=None, weights_backbone=None, num_classes=2, aux_loss=False)
        self.body = cast(nn.Module, network.backbone)

    def forward(self, pictures: Tensor) -> Tensor:
        """Extract features: (N, 3, H, W) -> (N, C, h, w)."""
        features: Tensor = self.body(pictures)["out"]
        return features


def _backbone(name: str, output_stride: int, in_channels: int) -> nn.Module:
    return TorchvisionBackbone(name, output_stride, in_channels=in_channels)


TORCHVISION_BACKBONES: dict[str, Callable[[int, int], nn.Module]] = {
    name: partial(_backbone, name) for name in _NETWORKS
}
"""Output stride and bands -> network."""


def torchvision_head(in_channels: int, num_classes: int) -> nn.Module:
    """Make DeepLabV3's head as torchvision has it: (N, C, h, w) -> (N, K, h, w).

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
    """
    return cast(nn.Module, DeepLabHead(in_channels, num_classes))
