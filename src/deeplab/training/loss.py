"""The training loss.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1; released `train.prototxt` (Interp,
SoftmaxWithLoss).
Shapes: N crops, K classes, (H, W) the crop, (h, w) the score grid.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from deeplab.labels import void_of
from deeplab.models import DeepLab


def scales_loss(
    network: DeepLab,
    scores: Sequence[Tensor],
    labels: Tensor,
    *,
    loss_stride: int,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Add the losses of the network's class scores and, with multi-scale inputs, of every scale.

    As published, the scores of scale 1/2 meet the labels at their own positions (every 16th pixel);
    those of scales that are no such fraction, as 3/4, are brought to the grid of scale 1 first.
    Common ports differ: kazuto1011 takes native scores at 3/4 too, with resized labels.

    Args:
        network: Fuses the scores.
        scores: (N, K, h', w') at every scale, scale 1 first.
        labels: See `pixel_loss`; likewise the others.
        loss_stride: See `pixel_loss`, for scale 1.
        label_smoothing: See `pixel_loss`.
        class_weights: See `pixel_loss`.
    """
    scales = (1.0,) if network.multi_scale is None else network.multi_scale.scales
    strides = [loss_stride * _whole_fraction(scale) for scale in scales]
    outputs = list(zip(scores, strides, strict=True))
    if len(outputs) > 1:
        outputs.insert(0, (network.fuse(scores), loss_stride))
    losses = [
        pixel_loss(
            one,
            labels,
            loss_stride=stride,
            label_smoothing=label_smoothing,
            class_weights=class_weights,
        )
        for one, stride in outputs
    ]
    return torch.stack(losses).sum()


def _whole_fraction(scale: float) -> int:
    """Give n for a scale 1 / n, else 1."""
    inverse = 1 / scale
    return round(inverse) if math.isclose(inverse, round(inverse)) and scale < 1 else 1


def pixel_loss(
    class_scores: Tensor,
    labels: Tensor,
    *,
    loss_stride: int,
    label_smoothing: float = 0.0,
    class_weights: Tensor | None = None,
) -> Tensor:
    """Average the cross-entropy over the positions that are not void.

    As in Caffe the sum is divided by max(1, positions), so that crops that are void all over give 0
    and not NaN. With class weights the average is weighted: each position counts with the weight of
    its true class, and the sum is divided by the sum of these weights (as torch's CrossEntropyLoss
    does), or by 1 if no position has one.

    Args:
        class_scores: (N, K, h, w), position (0, 0) on pixel (0, 0) and the last on the crop's last
            pixel (crops of a multiple of the output stride plus one).
        labels: (N, H, W) class ids and void.
        loss_stride: The loss is taken at every such pixel: labels are decimated, scores
            interpolated (align corners). The published networks use their output stride, 8: on
            crops of 8k + 1 pixels that is what Caffe's Interp layer does with labels.
        label_smoothing: Share of the target spread over all classes.
        class_weights: (K,), 0 or more; None: all alike.
    """
    void = void_of(class_scores.shape[1])
    targets = labels[:, ::loss_stride, ::loss_stride].long()
    if class_scores.shape[-2:] != targets.shape[-2:]:
        class_scores = functional.interpolate(
            class_scores, size=targets.shape[-2:], mode="bilinear", align_corners=True
        )
    total = functional.cross_entropy(
        class_scores.float(),
        targets,
        weight=class_weights,
        ignore_index=void,
        reduction="sum",
        label_smoothing=label_smoothing,
    )
    is_labelled = targets != void
    if class_weights is None:
        return total / torch.clamp(is_labelled.sum(), min=1)
    shares = class_weights[targets[is_labelled]].sum()
    return total / torch.where(shares > 0, shares, 1.0)
