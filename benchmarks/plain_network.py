"""DeepLab v2's ResNet with ASPP as one would write it in torch, without anything of ours."""

from torch import Tensor, nn
from torch.nn import functional

CLASSES, RATES = 21, (6, 12, 18, 24)
BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}


class PlainNetwork(nn.Module):
    """The network as torch's modules give it: (N, 3, H, W) -> class scores at every scale."""

    def __init__(self, depth: int, scales: tuple[float, ...]) -> None:
        super().__init__()
        self.scales = scales
        layers: list[nn.Module] = [*_normed(3, 64, 7, stride=2, padding=3), nn.ReLU()]
        layers.append(nn.MaxPool2d(3, 2, 1, ceil_mode=True))
        channels = 64
        for place, (blocks, rate) in enumerate(zip(BLOCKS[depth], (1, 1, 2, 4), strict=True)):
            for block in range(blocks):
                stride = 2 if place == 1 and block == 0 else 1
                layers.append(PlainBlock(channels, 64 * 2**place, stride, rate))
                channels = 256 * 2**place
        self.backbone = nn.Sequential(*layers)
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, CLASSES, 3, padding=rate, dilation=rate) for rate in RATES
        )
        for branch in self.branches:
            nn.init.normal_(branch.weight, std=0.01)

    @classmethod
    def like(cls, network: nn.Module, depth: int, scales: tuple[float, ...]) -> "PlainNetwork":
        """Make one with the weights of ours."""
        plain = cls(depth, scales)
        values = network.state_dict().values()
        plain.load_state_dict(dict(zip(plain.state_dict(), values, strict=True)))
        return plain

    def forward(self, pictures: Tensor) -> list[Tensor]:
        side = pictures.shape[-1] - 1
        scores = []
        for scale in self.scales:
            scaled = resized(pictures, round(side * scale) + 1)
            features = self.backbone(scaled)
            scores.append(sum(branch(features) for branch in self.branches))
        return scores


class PlainBlock(nn.Module):
    def __init__(self, in_channels: int, width: int, stride: int, rate: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_normed(in_channels, width, 1, stride=stride),
            nn.ReLU(),
            *_normed(width, width, 3, padding=rate, dilation=rate),
            nn.ReLU(),
            *_normed(width, 4 * width, 1),
        )
        self.shortcut = nn.Sequential()
        if in_channels != 4 * width:
            self.shortcut = nn.Sequential(*_normed(in_channels, 4 * width, 1, stride=stride))

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(self.layers(features) + self.shortcut(features))


def resized(values: Tensor, side: int) -> Tensor:
    if values.shape[-1] == side:
        return values
    return functional.interpolate(values, (side, side), mode="bilinear", align_corners=True)


def _normed(in_channels: int, out_channels: int, kernel: int, **settings: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, kernel, bias=False, **settings)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(out_channels)]
