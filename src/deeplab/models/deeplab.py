"""DeepLab: a backbone made atrous and a head, put together in one place.

Reference: DeepLab v2, arXiv 1606.00915. VGG-16 and the ResNets are those of the paper; the light
backbones are timm's and take their place where there is no GPU.
"""

import difflib
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, cast

import timm
import torch
from pydantic import BaseModel, Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator
from torch import Tensor, nn

from deeplab.models.atrous import OutputStride, make_atrous
from deeplab.models.depthwise import speed_up_depthwise
from deeplab.models.heads import ASPP, DeepASPP, LargeFOV, Linear
from deeplab.models.imagenet import IMAGENET_WEIGHTS, load_imagenet_weights
from deeplab.models.multi_scale import MultiScale, Resizing
from deeplab.models.resnet import Depth, Flavour, ResNet
from deeplab.models.torchvision_v3 import TORCHVISION_BACKBONES, torchvision_head
from deeplab.models.vgg import VGG16
from deeplab.models.vgg_two_pools_less import VGG16TwoPoolsLess
from deeplab.preprocessing import CAFFE_VOC, IMAGENET_STATISTICS, Preprocessing


def _resnet(depth: Depth, flavour: Flavour) -> Callable[[int, int], nn.Module]:
    return lambda stride, bands: ResNet(depth, stride, flavour=flavour, in_channels=bands)


PAPER_BACKBONES: dict[str, Callable[[int, int], nn.Module]] = {
    "vgg16": lambda stride, bands: VGG16(stride, in_channels=bands),
    "vgg16-adaptsegnet": lambda stride, bands: VGG16TwoPoolsLess(stride, in_channels=bands),
    "resnet50": _resnet(50, "caffe"),
    "resnet101": _resnet(101, "caffe"),
    "resnet50-torchvision": _resnet(50, "torchvision"),
    "resnet101-torchvision": _resnet(101, "torchvision"),
    "resnet50-v1c": _resnet(50, "v1c"),
    "resnet101-v1c": _resnet(101, "v1c"),
}
"""Backbones that are ours: output stride and bands -> network."""


class LinearConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """One 1x1 convolution."""

    kind: Literal["linear"] = "linear"


class ASPPConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Scores at several rates, added."""

    kind: Literal["aspp"] = "aspp"
    rates: tuple[PositiveInt, ...] = Field(default=(6, 12, 18, 24), min_length=1)
    """One atrous rate per branch, in positions of the feature map."""
    hidden_channels: NonNegativeInt = 0
    """0: branches go straight from features to classes, as published for ResNet-101; else the
    channels of two hidden layers (fc6, fc7) in each branch, 1024 as published for VGG-16."""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share dropped in training: of hidden values after each hidden layer, or of feature channels
    where there is none."""


class LargeFOVConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """One wide filter and two 1x1 layers, as published for VGG-16."""

    kind: Literal["largefov"] = "largefov"
    rate: PositiveInt = 12
    """Atrous rate of the first filter, in positions of the feature map."""
    kernel_size: PositiveInt = 3
    """Height and width of the first filter; 4 and 7 in other rows of the paper's Table 1."""
    hidden_channels: PositiveInt = 1024
    """Channels of the two hidden layers."""
    dropout: float = Field(default=0.5, ge=0, lt=1)
    """Share of hidden values dropped in training."""
    average_pool: bool = False
    """Average over 3x3 positions first (`pool5a`): in the first release, not in the paper."""


class TorchvisionV3Config(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """DeepLab v3's head as torchvision has it: rates 12, 24, 36, 1x1, image pooling."""

    kind: Literal["torchvision-deeplabv3"] = "torchvision-deeplabv3"


HeadConfig = LinearConfig | ASPPConfig | LargeFOVConfig | TorchvisionV3Config


class ModelConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """Which network."""

    backbone: str = "efficientnet_lite0"
    """`vgg16`, `resnet50` and `resnet101` are the paper's; `resnet50-torchvision`,
    `resnet50-v1c` and so on have their strides where torchvision and mmseg put them;
    `vgg16-adaptsegnet` is AdaptSegNet's, at output stride 8;
    `torchvision/resnet50`, `torchvision/resnet101` and `torchvision/mobilenet_v3_large` are those
    of torchvision's DeepLab v3; any other name is a convolutional backbone of timm."""
    output_stride: OutputStride = 16
    """Pixels between two positions of the class scores."""
    head: Annotated[HeadConfig, Field(discriminator="kind")] = ASPPConfig()
    """What turns features into class scores."""
    scales: tuple[PositiveFloat, ...] = (1.0,)
    """Sizes at which the network itself scores every picture (MSC), in training and after; the
    largest score counts. Published for ResNet-101: 1, 0.75, 0.5; the first is 1."""
    resizing: Resizing = "interp"
    """How pictures and scores of these sizes are resized; see `multi_scale`."""
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
    keep_head: bool = True
    """Whether the head of that checkpoint is taken too, as far as it fits; no: it starts random, as
    published for what was trained on MS COCO first."""

    @model_validator(mode="after")
    def _check(self) -> "ModelConfig":
        if self.num_classes == 1:
            raise ValueError(
                "model.num_classes=1: a network chooses between classes, so there are two or more; "
                "name what is not the class too, such as `background`"
            )
        if self.scales[:1] != (1.0,) or len(set(self.scales)) < len(self.scales):
            raise ValueError(
                f"model.scales={self.scales}: the first is 1, and each comes once, as in "
                "[1, 0.75, 0.5]"
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
        backbone: (N, bands, H, W) -> (N, C, h, w), with h = ceil(H / output stride), or one more
            where its pools round up.
        head: (N, C, h, w) -> (N, K, h, w).
        preprocessing: What the backbone wants its pictures to be.
        output_stride: Pixels between two score positions; score (i, j) sits on pixel (stride * i,
            stride * j).
        multi_scale: Sizes at which every picture is scored; none: its own alone.
    """

    def __init__(
        self,
        *,
        backbone: nn.Module,
        head: nn.Module,
        preprocessing: Preprocessing,
        output_stride: int,
        multi_scale: MultiScale | None = None,
    ) -> None:
        super().__init__()
        self.multi_scale = multi_scale
        self.backbone = backbone
        self.head = head
        self.preprocessing = preprocessing
        self.output_stride = output_stride

    def forward(self, pictures: Tensor) -> Tensor:
        """Score preprocessed pictures: (N, bands, H, W) -> class scores (N, K, h, w)."""
        return self.fuse(self.score_scales(pictures))

    def score_scales(self, pictures: Tensor) -> list[Tensor]:
        """Score pictures at every scale, for training: (N, K, h', w') each, scale 1 first."""
        if self.multi_scale is None:
            return [self._score(pictures)]
        return self.multi_scale.score(self._score, pictures)

    def fuse(self, scores: Sequence[Tensor]) -> Tensor:
        """Make the network's class scores out of those of every scale: (N, K, h, w)."""
        return scores[0] if self.multi_scale is None else self.multi_scale.fuse(scores)

    def _score(self, pictures: Tensor) -> Tensor:
        return cast(Tensor, self.head(self.backbone(pictures)))


def build(config: ModelConfig) -> DeepLab:
    """Put a network together.

    Weights other than ImageNet's are not looked for: see `checkpoint.initialise`.

    Raises:
        ValueError: Unknown backbone, one that cannot be made atrous, ImageNet weights that are not
            at hand, or a number of classes that is still `auto`.
    """
    backbone = _backbone(config)
    multi_scale = MultiScale(config.scales, config.resizing) if len(config.scales) > 1 else None
    return DeepLab(
        backbone=backbone,
        head=_head(config, _num_features(backbone, config.in_channels)),
        preprocessing=_preprocessing(config),
        output_stride=config.output_stride,
        multi_scale=multi_scale,
    )


def _backbone(config: ModelConfig) -> nn.Module:
    make = (PAPER_BACKBONES | TORCHVISION_BACKBONES).get(config.backbone)
    if make is not None:
        backbone = make(config.output_stride, config.in_channels)
    else:
        backbone = _timm_backbone(config.backbone, config.in_channels)
    if config.init == "imagenet":
        load_imagenet_weights(config.backbone, backbone, in_channels=config.in_channels)
    if make is None:
        make_atrous(backbone, config.output_stride, in_channels=config.in_channels)
        speed_up_depthwise(backbone)
    return backbone


def _preprocessing(config: ModelConfig) -> Preprocessing:
    record = IMAGENET_WEIGHTS.get(config.backbone)
    usual = record.preprocessing if record else IMAGENET_STATISTICS
    if config.backbone in ("vgg16", "vgg16-adaptsegnet", "resnet50", "resnet101"):
        usual = CAFFE_VOC
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
    num_classes = config.num_classes
    if isinstance(head, LinearConfig):
        return Linear(in_channels, num_classes)
    if isinstance(head, TorchvisionV3Config):
        return torchvision_head(in_channels, num_classes)
    if isinstance(head, ASPPConfig) and head.hidden_channels:
        return DeepASPP(
            in_channels,
            num_classes,
            rates=head.rates,
            hidden_channels=head.hidden_channels,
            dropout=head.dropout,
        )
    if isinstance(head, ASPPConfig):
        return ASPP(in_channels, num_classes, rates=head.rates, dropout=head.dropout)
    return LargeFOV(
        in_channels,
        num_classes,
        rate=head.rate,
        kernel_size=head.kernel_size,
        hidden_channels=head.hidden_channels,
        dropout=head.dropout,
        average_pool=head.average_pool,
    )
