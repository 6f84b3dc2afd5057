"""Heads that turn backbone features into class scores.

Reference: DeepLab v2, arXiv 1606.00915, sections 3.1 (field of view) and 3.2 (ASPP).
Shapes: N images, C channels, K classes, (h, w) the feature grid.
"""

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn


class ASPP(nn.Module):
    """Score one feature map at several atrous rates and add the scores.

    As in the published ResNet-101 network the branches go straight from features to classes: no
    hidden layer, no batch norm, no image pooling (those belong to v3).

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
        rates: One atrous rate per branch; the paper's ASPP-L is (6, 12, 18, 24) at output stride 8.
        dropout: Share of feature channels dropped in training (the paper's ResNet has none).
    """

    def __init__(
        self, in_channels: int, num_classes: int, *, rates: Sequence[int], dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = nn.Dropout2d(dropout)
        self.branches = nn.ModuleList(
            nn.Conv2d(in_channels, num_classes, kernel_size=3, padding=rate, dilation=rate)
            for rate in rates
        )
        for branch in self.branches:
            _init_classifier(cast(nn.Conv2d, branch))

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        features = self.dropout(features)
        return torch.stack([branch(features) for branch in self.branches]).sum(dim=0)


class LargeFOV(nn.Module):
    """Look around with one widely spread filter, then score.

    Three convolutions, named as in the published VGG-16 network: fc6 (3x3 at a rate), fc7 and fc8
    (1x1).

    Args:
        in_channels: Channels of the backbone's last feature map.
        num_classes: Classes to score, background included.
        rate: Atrous rate of the 3x3 filter; the paper's is 12 at output stride 8.
        hidden_channels: Channels of the two hidden layers; the paper's are 1024.
        dropout: Share of hidden values dropped in training after each hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        num_classes: int,
        *,
        rate: int = 12,
        hidden_channels: int = 1024,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.fc6 = nn.Conv2d(in_channels, hidden_channels, 3, padding=rate, dilation=rate)
        self.fc7 = nn.Conv2d(hidden_channels, hidden_channels, 1)
        self.fc8 = nn.Conv2d(hidden_channels, num_classes, 1)
        self.dropout = nn.Dropout(dropout)
        for layer in (self.fc6, self.fc7):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(cast(nn.Parameter, layer.bias))
        _init_classifier(self.fc8)

    def forward(self, features: Tensor) -> Tensor:
        """Score every position: (N, C, h, w) -> (N, K, h, w)."""
        hidden = self.dropout(self.fc6(features).relu())
        hidden = self.dropout(self.fc7(hidden).relu())
        return cast(Tensor, self.fc8(hidden))


def is_of_classes(name: str) -> bool:
    """Tell by its name in a `DeepLab` whether a parameter has one row for each class."""
    return name.startswith(("head.branches.", "head.fc8."))


def _init_classifier(layer: nn.Conv2d) -> None:
    nn.init.normal_(layer.weight, std=0.01)
    nn.init.zeros_(cast(nn.Parameter, layer.bias))
