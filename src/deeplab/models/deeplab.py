"""DeepLab: a backbone made atrous and a head, put together in one place.

Reference: DeepLab v2, arXiv 1606.00915. The light backbones are timm's; they take the place of the
paper's VGG-16 and ResNet-101 where there is no GPU.
"""

import difflib
from typing import Annotated, Literal, cast

import timm
import torch
from pydantic import BaseModel, Field, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from deeplab.models.atrous import OutputStride, make_atrous
from deeplab.models.depthwise import speed_up_depthwise
from deeplab.models.heads import ASPP, LargeFOV
from deeplab.models.imagenet import IMAGENET_WEIGHTS, load_imagenet_weights
from deeplab.models.preprocessing import IMAGENET_STATISTICS, Preprocessing


class ASPPConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Scores at several rates, added."""

    kind: Literal["aspp"] = "aspp"
    rates: tuple[PositiveInt, ...] = Field(default=(6, 12, 18, 24), min_length=1)
    """One atrous rate per branch, in positions of the feature map."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of feature channels dropped in training."""


class LargeFOVConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """One wide filter and two 1x1 layers."""

    kind: Literal["largefov"] = "largefov"
    rate: PositiveInt = 12
    """Atrous rate of the 3x3 filter, in positions of the feature map."""
    hidden_channels: PositiveInt = 1024
    """Channels of the two hidden layers."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of hidden values dropped in training."""


class ModelConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Which network."""

    backbone: str = "efficientnet_lite0"
    """A convolutional timm backbone, by its timm name."""
    output_stride: OutputStride = 16
    """Pixels between two positions of the class scores."""
    head: Annotated[ASPPConfig | LargeFOVConfig, Field(discriminator="kind")] = ASPPConfig()
    """What turns features into class scores."""
    num_classes: PositiveInt | Literal["auto"] = 21
    """Classes to score, background included, void left out; `auto`: as many as the data set has,
    looked up when training starts."""
    in_channels: PositiveInt = 3
    """Bands of the pictures; 3 are red, green and blue. With others the first convolution of
    pretrained weights is averaged over its bands and spread over these."""
    mean: tuple[float, ...] | None = None
    """Mean of each band, 0..255; none: the backbone's own for three bands, and what the training
    pictures have for others, measured when training starts."""
    std: tuple[PositiveFloat, ...] | None = None
    """Standard deviation of each band, likewise."""
    init: str = "imagenet"
    """Where training starts: `imagenet` (backbone only), `random`, or a checkpoint (file or
    published name), whose head is kept for classes of the same names and left random for others."""

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        if self.num_classes == 1:
            raise ValueError(
                "model.num_classes=1: a network chooses between classes, so there are two or more; "
                "name what is not the class too, such as `background`"
            )
        if (self.mean is None) != (self.std is None):
            raise ValueError("model.mean and model.std go together: give both, or neither")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values is not None and len(values) != self.in_channels:
                raise ValueError(
                    f"model.{name} has {len(values)} numbers, but model.in_channels is "
                    f"{self.in_channels}: give one for each band"
                )
        return self


class DeepLab(nn.Module):
    """A dense feature extractor and the head that scores its features.

    Args:
        backbone: (N, bands, H, W) -> (N, C, h, w), with h = ceil(H / output stride).
        head: (N, C, h, w) -> (N, K, h, w).
        preprocessing: What the backbone wants its pictures to be.
        output_stride: Pixels between two score positions; score (i, j) sits on pixel (stride * i,
            stride * j).
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        head: nn.Module,
        preprocessing: Preprocessing,
        output_stride: int,
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = head
        self.preprocessing = preprocessing
        self.output_stride = output_stride

    def forward(self, pictures: Tensor) -> Tensor:
        """Score preprocessed pictures: (N, bands, H, W) -> class scores (N, K, h, w)."""
        return cast(Tensor, self.head(self.backbone(pictures)))


def build(config: ModelConfig) -> DeepLab:
    """Put a network together.

    Weights other than ImageNet's are not looked for: see `checkpoint.initialise`.

    Raises:
        ValueError: Unknown backbone, one that cannot be made atrous, ImageNet weights that are not
            at hand, or a number of classes that is still `auto`.
    """
    backbone = _timm_backbone(config.backbone, config.in_channels)
    if config.init == "imagenet":
        load_imagenet_weights(config.backbone, backbone, in_channels=config.in_channels)
    make_atrous(backbone, config.output_stride, in_channels=config.in_channels)
    speed_up_depthwise(backbone)
    return DeepLab(
        backbone=backbone,
        head=_head(config, _num_features(backbone, config.in_channels)),
        preprocessing=_preprocessing(config),
        output_stride=config.output_stride,
    )


def _preprocessing(config: ModelConfig) -> Preprocessing:
    record = IMAGENET_WEIGHTS.get(config.backbone)
    usual = record.preprocessing if record else IMAGENET_STATISTICS
    if config.mean is not None and config.std is not None:
        return usual.for_bands(config.mean, config.std)
    if config.in_channels == 3:
        return usual
    mean, std = (sum(values) / 3 for values in (usual.mean_255, usual.std_255))
    return Preprocessing((mean,) * config.in_channels, (std,) * config.in_channels)


def _timm_backbone(name: str, in_channels: int) -> nn.Module:
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}? " if near else ""
        raise ValueError(f"unknown backbone {name!r}: {hint}Allowed are timm's convolutional ones")
    network: nn.Module = timm.create_model(
        name, pretrained=False, num_classes=0, global_pool="", in_chans=in_channels
    )
    return network


def _num_features(backbone: nn.Module, num_bands: int) -> int:
    with torch.no_grad():
        features = backbone.eval()(torch.zeros(1, num_bands, 64, 64))
    backbone.train()
    return int(features.shape[1])


def _head(config: ModelConfig, in_channels: int) -> nn.Module:
    head = config.head
    if config.num_classes == "auto":
        raise ValueError(
            "model.num_classes is auto: training looks it up in the data set; to build a network "
            "without one, set model.num_classes to a number"
        )
    if isinstance(head, ASPPConfig):
        return ASPP(in_channels, config.num_classes, rates=head.rates, dropout=head.dropout)
    return LargeFOV(
        in_channels,
        config.num_classes,
        rate=head.rate,
        hidden_channels=head.hidden_channels,
        dropout=head.dropout,
    )
