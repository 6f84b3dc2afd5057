"""Random crops for training, as the authors' data layer makes them.

Reference: SPEC of the released Caffe code (`data_transformer.cpp`, `TransformImgAndSeg`): mirror,
one of a few discrete scales, pad at the bottom and the right only, crop. What is padded has the
mean colour exactly, so that it is 0 to the network. Colour changes and pasted objects come on top;
the paper has neither.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from pydantic import BaseModel, Field, PositiveFloat, PositiveInt
from torch import Tensor
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from deeplab import imaging
from deeplab.labels import VOID, WIDE_VOID


class AugmentConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """How a training crop is cut out of a picture."""

    crop_size_px: PositiveInt = 321
    """Height and width of a crop; a multiple of the output stride plus one keeps scores and labels
    aligned."""
    scales: tuple[PositiveFloat, ...] = Field(default=(0.5, 0.75, 1.0, 1.25, 1.5), min_length=1)
    """One of these is drawn for every crop."""
    mirror: bool = True
    """Mirror every second crop, at random."""
    colour_jitter: float = Field(default=0.0, ge=0, lt=1)
    """Largest relative change of brightness, contrast and, of RGB pictures, saturation; the paper
    has none."""
    paste: float = Field(default=0.0, ge=0, le=1)
    """Share of crops onto which the objects of a second crop are pasted; the paper has none."""


@dataclass(frozen=True)
class Crop:
    """A training crop.

    Attributes:
        picture: (bands, crop, crop) float32, 0..255, three bands being RGB.
        labels: (crop, crop) class ids and void; uint8, or int32 beyond 255 classes (torch computes
            little in uint16).
    """

    picture: Tensor
    labels: Tensor


def augment(
    picture: imaging.Picture,
    labels: imaging.LabelMap,
    config: AugmentConfig,
    *,
    mean_255: tuple[float, ...],
    random: np.random.Generator,
) -> Crop:
    """Cut one random crop.

    Args:
        picture: (H, W, bands).
        labels: (H, W) class ids and void.
        config: What is random, and how much.
        mean_255: Colour of the padding, 0..255, of each band.
        random: Where all randomness comes from.
    """
    image = torch.tensor(picture).permute(2, 0, 1)
    label_map = torch.tensor(labels if labels.dtype == np.uint8 else labels.astype(np.int32))[None]
    mirror = config.mirror and bool(random.integers(2))
    scale = config.scales[random.integers(len(config.scales))]
    if scale != 1:
        size = [max(1, int(length * scale)) for length in labels.shape]
        # Half-pixel centres, no antialiasing, nearest by truncation: as OpenCV's INTER_LINEAR and
        # INTER_NEAREST.
        image = functional.resize(image, size, v2.InterpolationMode.BILINEAR, antialias=False)
        label_map = functional.resize(label_map, size, v2.InterpolationMode.NEAREST)
    size_px = config.crop_size_px
    image, label_map = _window(image, label_map, size_px, random)
    if config.colour_jitter:
        image = _jitter(image, config.colour_jitter, random)
    image, label_map = _pad(image.float(), label_map, size_px, mean_255)
    if mirror:
        image, label_map = image.flip(-1), label_map.flip(-1)
    return Crop(image.contiguous(), label_map[0].contiguous())


def paste(onto: Crop, objects: Crop) -> Crop:
    """Lay the objects of one crop over another: its pixels that are neither background nor void."""
    is_object = (objects.labels != 0) & (objects.labels != _void(objects.labels))
    return Crop(
        torch.where(is_object, objects.picture, onto.picture),
        torch.where(is_object, objects.labels, onto.labels),
    )


def _window(
    image: Tensor, label_map: Tensor, size_px: int, random: np.random.Generator
) -> tuple[Tensor, Tensor]:
    """Cut a window at a random place; sides that are shorter stay whole."""
    height, width = label_map.shape[-2:]
    top = int(random.integers(max(height - size_px, 0) + 1))
    left = int(random.integers(max(width - size_px, 0) + 1))
    rows, columns = slice(top, top + size_px), slice(left, left + size_px)
    return image[:, rows, columns], label_map[:, rows, columns]


def _pad(
    image: Tensor, label_map: Tensor, size_px: int, mean_255: tuple[float, ...]
) -> tuple[Tensor, Tensor]:
    """Fill up at the bottom and the right, with the mean and with void."""
    height, width = label_map.shape[-2:]
    if (height, width) == (size_px, size_px):
        return image, label_map
    canvas = torch.tensor(mean_255)[:, None, None].repeat(1, size_px, size_px)
    canvas[:, :height, :width] = image
    void = torch.full((1, size_px, size_px), _void(label_map), dtype=label_map.dtype)
    void[:, :height, :width] = label_map
    return canvas, void


def _void(labels: Tensor) -> int:
    return VOID if labels.dtype == torch.uint8 else WIDE_VOID


def _jitter(image: Tensor, strength: float, random: np.random.Generator) -> Tensor:
    brightness, contrast, saturation = random.uniform(1 - strength, 1 + strength, 3)
    if len(image) not in (1, 3):  # torchvision knows grey and RGB
        return _jitter_bands(image.float(), brightness, contrast)
    image = functional.adjust_brightness(image, brightness)
    image = functional.adjust_contrast(image, contrast)
    return cast(Tensor, functional.adjust_saturation(image, saturation))


def _jitter_bands(values: Tensor, brightness: float, contrast: float) -> Tensor:
    """Change the brightness of all bands, and their contrast around the mean of all."""
    values = (values * brightness).clamp_(0, 255).trunc_()
    values = values * contrast + values.mean() * (1 - contrast)
    return values.clamp_(0, 255).to(torch.uint8)
