"""VGG-16 as wasidennis/AdaptSegNet changed it: without its last two pools, the others as they were.

Read: `model/deeplab_vgg.py` of that repository. Layers have the numbers that they have there.
"""

from torch import Tensor, nn

from deeplab.models.recompute import Recomputed

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions
_HIDDEN = 1024  # channels of fc6 and fc7
_HIDDEN_RATE = 4
_OUTPUT_STRIDE = 8


class VGG16TwoPoolsLess(Recomputed):
    """Pictures (N, bands, H, W) -> features (N, 1024, H // 8, W // 8), fc6 and fc7 included.

    The filters of the fifth stage are spread once (rate 2), as if one pool had been taken out,
    those of fc6 and fc7 to rate 4. Pools are 2x2: position (0, 0) stands for pixels 0 to 7.

    Args:
        output_stride: 8; there is no other.
        in_channels: Bands of the pictures.

    Raises:
        ValueError: Another output stride.
    """

    def __init__(self, output_stride: int, *, in_channels: int = 3) -> None:
        super().__init__()
        if output_stride != _OUTPUT_STRIDE:
            raise ValueError(
                f"model.output_stride={output_stride}: vgg16-adaptsegnet has {_OUTPUT_STRIDE}, and "
                "no other; vgg16 takes any"
            )
        layers: list[nn.Module] = []
        for stage, (channels, num_convs) in enumerate(_STAGES, 1):
            for _ in range(num_convs):
                layers += _conv(in_channels, channels, rate=2 if stage == len(_STAGES) else 1)
                in_channels = channels
            if stage <= 3:
                layers.append(nn.MaxPool2d(2))
        layers += _conv(in_channels, _HIDDEN, rate=_HIDDEN_RATE)
        layers += _conv(_HIDDEN, _HIDDEN, rate=_HIDDEN_RATE)
        self.layers = nn.Sequential(*layers)

    def forward(self, pictures: Tensor) -> Tensor:
        """Extract features: (N, bands, H, W) -> (N, 1024, h, w)."""
        parts: list[list[nn.Module]] = [[]]
        for layer in self.layers:
            parts[-1].append(layer)
            if isinstance(layer, nn.MaxPool2d):
                parts.append([])
        return self.run_parts(parts, pictures)


def _conv(in_channels: int, out_channels: int, *, rate: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=rate, dilation=rate)
    return [conv, nn.ReLU(inplace=True)]
