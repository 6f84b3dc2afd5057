"""VGG-16 as the authors of DeepLab changed it: 3x3 pools, no classifier.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1.1; released `deeplab_largeFOV/train.prototxt`.
Layers have the names of the prototxt, so that a weight says where it comes from.
"""

from collections import OrderedDict

from torch import Tensor, nn

from deeplab.models.atrous import make_atrous
from deeplab.models.pools import CaffeMaxPool2d
from deeplab.models.recompute import Recomputed

VGG_FEATURES = 512
"""Channels of the last feature map."""

_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))  # channels, convolutions


class VGG16(Recomputed):
    """The thirteen convolutions of VGG-16: pictures (N, bands, H, W) -> features (N, 512, h, w).

    All pools are 3x3 in the place of VGG's 2x2, so that pixel (0, 0) stays the centre of position
    (0, 0); they round up, as Caffe's do: sides of 8k + 1 and of 8k + 2 .. 8k + 8 pixels have k + 1
    and k + 2 positions at output stride 8.

    Args:
        output_stride: Pixels between two features: 32 for plain VGG-16, 8 as published.
        in_channels: Bands of the pictures.
    """

    def __init__(self, output_stride: int, *, in_channels: int = 3) -> None:
        super().__init__()
        bands = in_channels
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        for stage, (channels, num_convs) in enumerate(_STAGES, 1):
            for place in range(1, num_convs + 1):
                layers[f"conv{stage}_{place}"] = _conv(in_channels, channels)
                layers[f"relu{stage}_{place}"] = nn.ReLU(inplace=True)
                in_channels = channels
            layers[f"pool{stage}"] = CaffeMaxPool2d()
        self.layers = nn.Sequential(layers)
        make_atrous(self, output_stride, in_channels=bands)
        if output_stride <= 8:
            # As published: filters are spread, pools are not. With a spread pool5 the features
            # would be those of the plain network at every position that it has.
            self.layers.pool5 = nn.MaxPool2d(3, stride=1, padding=1)

    def forward(self, pictures: Tensor) -> Tensor:
        """Extract features: (N, bands, H, W) -> (N, 512, h, w)."""
        stages: list[list[nn.Module]] = [[]]
        for name, layer in self.layers.named_children():
            stages[-1].append(layer)
            if name.startswith("pool"):
                stages.append([])
        return self.run_parts(stages[:-1], pictures)


def _conv(in_channels: int, out_channels: int) -> nn.Conv2d:
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv
