"""Heads that turn backbone features into class scores.

Reference: DeepLab v2, arXiv 1606.00915, sections 3.1 (field of view) and 3.2 (ASPP).
Shapes: N images, C channels, K classes, (h, w) the feature grid.
"""

import re
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from deeplab.models.recompute import Recomputed
from deeplab.models.shifted import sum_of_spread


class Linear(nn.Module):
    """Score every position by itself: one 1x1 convolution.

    The baseline of the paper's Table 4, and the head of the published COCO network.

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.classifier = nn.Conv2d(in_channels, num_classes, 1)
        _init_small(self.classifier)

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        return cast(Tensor, self.classifier(features))


class ASPP(nn.Module):
    """Score one feature map at several atrous rates and add the scores.

    As in the published ResNet-101 network the branches go straight from features to classes: no
    hidden layer, no batch norm, no image pooling (those belong to v3).

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
        rates: One atrous rate per branch; the paper's ASPP-L is (6, 12, 18, 24) at output stride 8.
            One rate alone, 12, is the LargeFOV of the paper's ResNet.
        dropout: Share of feature channels dropped in training (the paper's ResNet has none).
    """

    def __init__(
        self, in_channels: int, num_classes: int, *, rates: Sequence[int], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.rates = tuple(rates)
        self.dropout = nn.Dropout2d(dropout)
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, num_classes, kernel_size=3, padding=rate, dilation=rate)
            for rate in rates
        )
        for branch in self.branches:
            _init_small(cast(nn.Conv2d, branch))

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        features = self.dropout(features)
        if features.device.type == "cpu" and not torch.compiler.is_exporting():
            # The same, and faster there; runtimes of exported graphs are not.
            convs = [cast(nn.Conv2d, branch) for branch in self.branches]
            filters = [conv.weight for conv in convs]
            biases = [cast(nn.Parameter, conv.bias) for conv in convs]
            return sum_of_spread(features, filters, biases, self.rates)
        return torch.stack([branch(features) for branch in self.branches]).sum(dim=0)


class LargeFOV(Recomputed):
    """Look around with one widely spread filter, then score.

    Three convolutions, named as in the published VGG-16 network: fc6 (k x k at a rate), fc7 and fc8
    (1x1).

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
        rate: Atrous rate of the first filter; LargeFOV's is 12 at output stride 8.
        kernel_size: Height and width of the first filter: 3 in LargeFOV; 4 and 7 (VGG's own) in the
            other rows of the paper's Table 1.
        hidden_channels: Channels of the two hidden layers: 1024 in LargeFOV, 4096 in VGG.
        dropout: Share of hidden values dropped in training after each hidden layer.
        average_pool: Average over 3x3 positions first (`pool5a`), as the first release of LargeFOV
            does; the networks of the paper do not.

    Raises:
        ValueError: The filter has no middle: an even size at an odd rate.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        rate: int = 12,
        kernel_size: int = 3,
        hidden_channels: int = 1024,
        dropout: float = 0.5,
        average_pool: bool = False,
    ) -> None:
        super().__init__()
        padding, odd = divmod(rate * (kernel_size - 1), 2)
        if odd:
            raise ValueError(
                f"model.head: a filter of {kernel_size}x{kernel_size} at rate {rate} looks further "
                "to one side: give an even rate, or an odd kernel_size"
            )
        # Caffe's average counts the zeros outside, as torch's does.
        self.pool5a = nn.AvgPool2d(3, stride=1, padding=1) if average_pool else nn.Identity()
        self.fc6 = nn.Conv2d(
            in_channels, hidden_channels, kernel_size, padding=padding, dilation=rate
        )
        self.fc7 = nn.Conv2d(hidden_channels, hidden_channels, 1)
        self.fc8 = nn.Conv2d(hidden_channels, num_classes, 1)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.fc6, self.fc7, self.fc8):
            _init_small(layer)  # with He's start training diverges: VGG's features are large

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        return self.run_parts([[self.pool5a, self._score]], features)

    def _score(self, features: Tensor) -> Tensor:
        hidden = self.dropout(self.fc6(features).relu())
        hidden = self.dropout(self.fc7(hidden).relu())
        return cast(Tensor, self.fc8(hidden))


class DeepASPP(nn.Module):
    """Score one feature map by several `LargeFOV` of different rates and add the scores.

    As in the published VGG-16 network, whose branches have layers fc6_k, fc7_k and fc8_k of their
    own.

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
        rates: One atrous rate per branch: the paper's ASPP-S has (2, 4, 8, 12), ASPP-L (6, 12, 18,
            24), at output stride 8.
        hidden_channels: Channels of the two hidden layers of each branch.
        dropout: Share of hidden values dropped in training after each hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        rates: Sequence[int],
        hidden_channels: int = 1024,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            LargeFOV(
                in_channels,
                num_classes,
                rate=rate,
                hidden_channels=hidden_channels,
                dropout=dropout,
            )
            for rate in rates
        )

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        return torch.stack([branch(features) for branch in self.branches]).sum(dim=0)


_OF_CLASSES = re.compile(
    r"head\.(classifier|branches\.\d+|(branches\.\d+\.)?fc8|4)\.(weight|bias)"  # 4: torchvision's
)


def is_of_classes(name: str) -> bool:
    """Tell by its name in a `DeepLab` whether a parameter has one row for each class."""
    return _OF_CLASSES.fullmatch(name) is not None


def _init_small(layer: nn.Conv2d) -> None:
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(cast(nn.Parameter, layer.bias))
