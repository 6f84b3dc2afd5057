"""He's ResNets (MSRA) in Caffe, and what DeepLab made of them.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1.2; released `deeplab_ResNet101/train.prototxt`;
github.com/KaimingHe/deep-residual-networks. In the released file every layer stands three times,
the copies for smaller pictures (`_res05`, `_res075`) having the same weights.
"""

import re

import torch
from torch import Tensor

from deeplab.models.deeplab import ASPPConfig, HeadConfig, LinearConfig, ModelConfig
from deeplab.models.foreign.caffe_layers import (
    COLOURS,
    NO_HEAD,
    blobs_of,
    filters_of,
    layer_as,
    layers_with_weights,
    rates_of,
)
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.resnet import RESNET_FEATURES

_COPIES = {"res075": 0.75, "res05": 0.5}
_BLOCK = re.compile(r"(res|bn|scale)([2-5])([a-f]|b\d+)_branch(1|2a|2b|2c)")
_STEM = {"conv1": "res", "bn_conv1": "bn", "scale_conv1": "scale"}
_PLACES = {"1": "downsample", "2a": "conv1", "2b": "conv2", "2c": "conv3"}
_BRANCH = re.compile(r".*_c(\d+)")
_BACKBONES = {6: "resnet50", 23: "resnet101"}  # by the number of blocks of the fourth stage


def _recognises(tensors: Tensors) -> bool:
    return "conv1/0" in tensors and "res2a_branch2a/0" in tensors


def _convert(tensors: Tensors) -> Converted:
    names = layers_with_weights(tensors)
    copies = [name for name in names if any(mark in name for mark in _COPIES)]
    others = [name for name in names if name not in set(copies)]
    backbone = {name: place for name in others if (place := _place_of(name)) is not None}
    scorers = [name for name in others if name not in backbone]
    scales = (1.0, *(scale for mark, scale in _COPIES.items() if any(mark in n for n in tensors)))
    weights, remarks = _backbone_weights(tensors, backbone)
    head, head_weights, head_remarks = _head(tensors, scorers)
    config = ModelConfig(
        backbone=_backbone_name(backbone),
        output_stride=8,
        head=head,
        scales=scales,
        num_classes=_num_classes(head_weights),
        init="random",
    )
    return Converted(
        config,
        weights | head_weights,
        ignored=blobs_of(tensors, copies),
        remarks={"colour order": COLOURS} | remarks | head_remarks,
    )


CAFFE_RESNET = Layout(
    name="caffe-resnet",
    describes="Caffe: the authors' ResNet DeepLab v2, its start from COCO, He's ResNet-50 and -101",
    recognises=_recognises,
    convert=_convert,
)


def _place_of(layer: str) -> tuple[str, str] | None:
    """Tell what a layer is (`res`, `bn`, `scale`) and where, such as "backbone.layer1.0.conv1"."""
    if layer in _STEM:
        return _STEM[layer], "backbone.stem"
    match = _BLOCK.fullmatch(layer)
    if match is None:
        return None
    kind, stage, block, branch = match.groups()
    return kind, f"backbone.layer{int(stage) - 1}.{_block_number(block)}.{_PLACES[branch]}"


def _block_number(block: str) -> int:
    """Count the blocks of a stage from 0: a, b, c, ... or a, b1, b2, ..."""
    return int(block[1:]) if len(block) > 1 else "abcdef".index(block)


def _backbone_name(backbone: dict[str, tuple[str, str]]) -> str:
    stage = "backbone.layer3."
    places = (place for _, place in backbone.values() if place.startswith(stage))
    num_blocks = 1 + max((int(place[len(stage) :].split(".")[0]) for place in places), default=-1)
    if num_blocks not in _BACKBONES:
        raise ValueError(
            f"a ResNet of {num_blocks} blocks res4*: allowed are 6 (ResNet-50) and 23 (ResNet-101)"
        )
    return _BACKBONES[num_blocks]


def _backbone_weights(
    tensors: Tensors, backbone: dict[str, tuple[str, str]]
) -> tuple[dict[str, Tensor], dict[str, str]]:
    weights: dict[str, Tensor] = {}
    remarks: dict[str, str] = {}
    offsets: dict[str, Tensor] = {}
    for layer, (kind, place) in backbone.items():
        if kind == "res":
            weights[f"{place}.weight"] = tensors[f"{layer}/0"]
            if f"{layer}/1" in tensors:
                offsets[place] = tensors[f"{layer}/1"].reshape(-1)
        elif kind == "scale":
            weights |= _named(tensors, layer, place, ("weight", "bias"))
        else:
            weights |= _statistics(tensors, layer, place, remarks)
    for place, offset in offsets.items():
        mean = weights.get(f"{place}.norm.running_mean")
        if mean is None or mean.shape != offset.shape:
            raise ValueError(f"{place}: the convolution has a bias, but no batch norm behind it")
        # A batch norm takes the mean off: with a bias it would take off that much less.
        weights[f"{place}.norm.running_mean"] = mean - offset
        remarks["biases"] = "of convolutions before a batch norm: taken into its mean"
    return weights, remarks


def _named(tensors: Tensors, layer: str, place: str, names: tuple[str, ...]) -> dict[str, Tensor]:
    return {
        f"{place}.norm.{name}": tensors[f"{layer}/{blob}"].reshape(-1)
        for blob, name in enumerate(names)
        if f"{layer}/{blob}" in tensors
    }


def _statistics(
    tensors: Tensors, layer: str, place: str, remarks: dict[str, str]
) -> dict[str, Tensor]:
    """Divide mean and variance by the factor that Caffe stores them with, as Caffe does."""
    num_blobs = len(blobs_of(tensors, [layer]))
    if num_blobs != 3 or tensors[f"{layer}/2"].numel() != 1:
        raise ValueError(
            f"layer {layer!r} has {num_blobs} blobs; a Caffe BatchNorm has three: mean, variance, "
            "and one number by which both are multiplied"
        )
    mean, variance, factor = (tensors[f"{layer}/{blob}"] for blob in range(3))
    number = factor.item()
    unfold = 0.0 if number == 0 else 1 / number
    if number == 0:
        remarks["batch norm"] = "some factors are 0: mean and variance are 0 there, as in Caffe"
    if bool((variance * unfold < 0).any()):
        raise ValueError(f"layer {layer!r} has a variance below 0: it is no Caffe BatchNorm")
    return {
        f"{place}.norm.running_mean": mean.reshape(-1) * unfold,
        f"{place}.norm.running_var": variance.reshape(-1) * unfold,
        f"{place}.norm.num_batches_tracked": torch.tensor(0),
    }


def _head(
    tensors: Tensors, scorers: list[str]
) -> tuple[HeadConfig, dict[str, Tensor], dict[str, str]]:
    """Tell the head by the layers that are not the backbone's."""
    if not scorers:
        return LinearConfig(), {}, {"head": NO_HEAD}
    filters = [filters_of(tensors, name, RESNET_FEATURES) for name in scorers]
    kernels = {tuple(one.shape[2:]) for one in filters}
    if len(scorers) == 1 and kernels == {(1, 1)}:
        weights = layer_as(tensors, scorers[0], "head.classifier", RESNET_FEATURES)
        return LinearConfig(), weights, {"classifier": f"layer {scorers[0]}"}
    branches = _branches(scorers)
    if branches is None or kernels != {(3, 3)}:
        raise ValueError(
            f"cannot tell the head by the layers {', '.join(scorers)}: allowed are one of 1x1 or "
            "3x3, or several of 3x3 whose names end in _c0, _c1, ..."
        )
    weights = {}
    for place, name in enumerate(branches):
        weights |= layer_as(tensors, name, f"head.branches.{place}", RESNET_FEATURES)
    rates, remark = rates_of(tensors, branches)
    return ASPPConfig(rates=rates), weights, {"rates": remark}


def _branches(scorers: list[str]) -> list[str] | None:
    """Sort classifiers by number; None: they are not numbered 0, 1, 2, ..."""
    if len(scorers) == 1:
        return scorers
    numbered = {
        int(match[1]): name for name in scorers if (match := _BRANCH.fullmatch(name)) is not None
    }
    is_complete = sorted(numbered) == list(range(len(scorers)))
    return [numbered[number] for number in sorted(numbered)] if is_complete else None


def _num_classes(head_weights: dict[str, Tensor]) -> int:
    """Count the rows of the classifier; 21 if there is none."""
    return next((len(value) for value in head_weights.values()), 21)
