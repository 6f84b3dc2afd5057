"""Multi-scale inputs (MSC): one network scores a picture at several sizes, the best score counts.

Reference: DeepLab v2, arXiv 1606.00915, section 4.1.2; released `deeplab_ResNet101/train.prototxt`
(layers `Interp` and `fc_fusion`). The copies share their weights.
Shapes: N pictures, K classes, (H, W) pixels, (h, w) the score grid of scale 1.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Resizing = Literal["interp", "past_the_end", "half_pixel"]
"""How pictures and scores are resized. `interp`: Caffe's Interp layer, as published: a side of n
pixels at scale p / q has (n - 1) // q * p + 1, corner pixels stay corner pixels; `past_the_end`:
as isht7's port, int(n * scale) + 1; `half_pixel`: as kazuto1011's port since its version 1.0,
int(n * scale), the corners of corner pixels staying corners."""


@dataclass(frozen=True)
class MultiScale:
    """Sizes at which a network scores every picture.

    Attributes:
        scales: Relative to the picture; 1 comes first. Published: 1, 0.75, 0.5.
        resizing: How pictures and scores are resized.
    """

    scales: tuple[float, ...] = (1.0, 0.75, 0.5)
    resizing: Resizing = "interp"

    def score(self, network: Callable[[Tensor], Tensor], pictures: Tensor) -> list[Tensor]:
        """Score pictures (N, bands, H, W) at every scale: (N, K, h', w') each, as they come."""
        return [network(self._scaled(pictures, scale)) for scale in self.scales]

    def fuse(self, scores: Sequence[Tensor]) -> Tensor:
        """Bring all scores to the grid of scale 1 and take the largest: (N, K, h, w)."""
        fused, *others = scores
        for one in others:
            fused = torch.maximum(fused, self._resized(one, (fused.shape[2], fused.shape[3])))
        return fused

    def _scaled(self, pictures: Tensor, scale: float) -> Tensor:
        if scale == 1:
            return pictures
        if self.resizing == "half_pixel":
            return functional.interpolate(
                pictures, scale_factor=scale, mode="bilinear", align_corners=False
            )
        size = [scaled_size(length, scale, self.resizing) for length in pictures.shape[2:]]
        return self._resized(pictures, (size[0], size[1]))

    def _resized(self, values: Tensor, size: tuple[int, int]) -> Tensor:
        return functional.interpolate(
            values, size=size, mode="bilinear", align_corners=self.resizing != "half_pixel"
        )


def scaled_size(length: int, scale: float, resizing: Resizing = "interp") -> int:
    """Pixels of a side at a scale, such as 241 of 321 at 0.75, if corner pixels stay."""
    part = Fraction(scale).limit_denominator(64)
    if resizing == "interp":
        return (length - 1) // part.denominator * part.numerator + 1
    return length * part.numerator // part.denominator + 1
