"""ResNets of bottleneck blocks, as the authors of DeepLab took them over, and as others built them.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1.2; released `deeplab_ResNet101/train.prototxt`,
which is He's network (MSRA) made atrous: conv4_x at rate 2 and conv5_x at rate 4, no multi-grid.
Names of layers follow torchvision: res2a is `layer1.0`, res4b22 `layer3.22`, branch2a `conv1`.
"""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

from deeplab.models.atrous import make_atrous
from deeplab.models.normed import NormedConv2d
from deeplab.models.pools import CaffeMaxPool2d
from deeplab.models.recompute import Part, Recomputed

RESNET_FEATURES = 2048
"""Channels of the last feature map."""

Depth = Literal[50, 101]
Flavour = Literal["caffe", "torchvision", "v1c"]
"""`caffe`: a block's stride is in its first 1x1 filter, and the first pool rounds up, as He and the
authors of DeepLab have it; `torchvision`: the stride is in the 3x3 filter, and the pool rounds
down; `v1c`: like torchvision, with three 3x3 filters in the place of the first 7x7."""

_BLOCKS_AT_ONCE = 4  # in memory, when activations are computed again: about the root of all 33

_NUM_BLOCKS: dict[int, tuple[int, ...]] = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class ResNet(Recomputed):
    """The convolutions of a ResNet: pictures (N, bands, H, W) -> features (N, 2048, h, w).

    Args:
        depth: 50 or 101 layers.
        output_stride: Pixels between two features: 32 for plain ResNets, 8 as published. Where a
            block's stride is in its 3x3 filter, the first block of a stage keeps the rate of the
            stage before, as in torchvision.
        flavour: Whose ResNet.
        in_channels: Bands of the pictures.
    """

    def __init__(
        self, depth: Depth, output_stride: int, *, flavour: Flavour = "caffe", in_channels: int = 3
    ) -> None:
        super().__init__()
        self.stem = _stem(flavour, in_channels)
        self.pool = CaffeMaxPool2d() if flavour == "caffe" else nn.MaxPool2d(3, 2, 1)
        stages = []
        channels = 64
        for place, num_blocks in enumerate(_NUM_BLOCKS[depth]):
            width = 64 * 2**place
            blocks = []
            for block in range(num_blocks):
                stride = 2 if place > 0 and block == 0 else 1
                blocks.append(_Bottleneck(channels, width, stride, flavour=flavour))
                channels = 4 * width
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        make_atrous(self, output_stride, in_channels=in_channels)

    def forward(self, pictures: Tensor) -> Tensor:
        """Extract features: (N, bands, H, W) -> (N, 2048, h, w)."""
        parts: list[Part] = [[self._begin]]
        for stage in (self.layer1, self.layer2, self.layer3, self.layer4):
            blocks = list(stage)
            parts += [
                blocks[first : first + _BLOCKS_AT_ONCE]
                for first in range(0, len(blocks), _BLOCKS_AT_ONCE)
            ]
        return self.run_parts(parts, pictures)

    def _begin(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.pool(functional.relu(self.stem(pictures), inplace=True))
        return features


class _Bottleneck(nn.Module):
    """1x1, 3x3, 1x1, added to the input: (N, C, h, w) -> (N, 4 * width, h', w')."""

    def __init__(self, in_channels: int, width: int, stride: int, *, flavour: Flavour) -> None:
        super().__init__()
        first, second = (stride, 1) if flavour == "caffe" else (1, stride)
        self.conv1 = NormedConv2d(in_channels, width, 1, stride=first, padding=0)
        self.conv2 = NormedConv2d(width, width, 3, stride=second, padding=1)
        self.conv3 = NormedConv2d(width, 4 * width, 1, padding=0)
        self.downsample: NormedConv2d | None = None
        if stride > 1 or in_channels != 4 * width:
            self.downsample = NormedConv2d(in_channels, 4 * width, 1, stride=stride, padding=0)

    def forward(self, features: Tensor) -> Tensor:
        hidden = functional.relu(self.conv1(features), inplace=True)
        hidden = functional.relu(self.conv2(hidden), inplace=True)
        kept = features if self.downsample is None else self.downsample(features)
        return functional.relu(self.conv3(hidden).add_(kept), inplace=True)


def _stem(flavour: Flavour, in_channels: int) -> nn.Module:
    if flavour != "v1c":
        return NormedConv2d(in_channels, 64, 7, stride=2, padding=3)
    return nn.Sequential(
        NormedConv2d(in_channels, 32, 3, stride=2, padding=1),
        nn.ReLU(inplace=True),
        NormedConv2d(32, 32, 3, padding=1),
        nn.ReLU(inplace=True),
        NormedConv2d(32, 64, 3, padding=1),
    )
