"""The endless stream of training crops, addressed by position.

Crop number i is a pure function of the seed and of i: which picture, which scale, which window.
Whoever knows how many crops a run has used can therefore go on exactly where it stopped, with any
number of worker processes.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt
from torch import Tensor
from torch.utils.data import Dataset

from deeplab.data.augment import AugmentConfig, Crop, augment, paste
from deeplab.data.samples import Sample, SegmentationData, open_split
from deeplab.labels import VOID

_log = logging.getLogger(__name__)


class SourceConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """One split of one data set on disk."""

    root: Path
    """A folder with `data.yaml` (or that file), `VOCdevkit/VOC2012`, or `images` and `masks`."""
    split: str
    """One of its splits: of `data.yaml`, a list file (without `.txt`), a sub-folder of `images`."""


class DataConfig(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """What a run learns from, and on what it is watched."""

    train: tuple[SourceConfig, ...]
    """Training pictures; several sources are put one behind the other."""
    validation: SourceConfig | None = None
    """Pictures on which the run is scored while it goes on, and by which `best` is chosen."""
    holdout_every: NonNegativeInt = 0
    """Instead of `validation`: take every n-th training picture of the first source out, and score
    on those."""
    balance: NonNegativeFloat = 0.0
    """Draw a picture in proportion to its rarest class's share of pictures to the power -balance;
    0: all alike."""
    augment: AugmentConfig = AugmentConfig()
    """How crops are cut."""


def open_data(config: DataConfig) -> tuple[SegmentationData, SegmentationData | None]:
    """List the training and the validation samples of a run.

    Raises:
        ValueError: A source is not there, sources have different classes, or validation is given
            twice.
    """
    if config.holdout_every and config.validation:
        raise ValueError(
            "data.validation and data.holdout_every exclude each other: set one of them"
        )
    if not config.train:
        raise ValueError("data.train is empty: give at least one source with root and split")
    sources = [open_split(source.root, source.split) for source in config.train]
    label_set = sources[0].label_set
    for source, opened in zip(config.train, sources, strict=True):
        if opened.label_set.class_names != label_set.class_names:
            raise ValueError(f"{source.root} has other classes than {config.train[0].root}")
    validation = None
    first = sources[0].samples
    if config.validation:
        validation = open_split(config.validation.root, config.validation.split)
    elif config.holdout_every:
        validation = SegmentationData(first[:: config.holdout_every], label_set)
        first = tuple(sample for place, sample in enumerate(first) if place % config.holdout_every)
    if validation and validation.label_set.class_names != label_set.class_names:
        raise ValueError("data.validation has other classes than data.train")
    samples = first + tuple(sample for source in sources[1:] for sample in source.samples)
    if not samples:
        raise ValueError(
            f"data.holdout_every={config.holdout_every} takes all pictures out: nothing is left to "
            "learn from"
        )
    num_held = len(validation.samples) if validation else 0
    _log.info("%d pictures to learn from, %d to be scored on", len(samples), num_held)
    return SegmentationData(samples, label_set), validation


class CropStream(Dataset[tuple[Tensor, Tensor]]):
    """Position -> (picture (3, crop, crop) uint8 RGB, labels (crop, crop) uint8).

    Args:
        data: Training samples.
        config: Crops and sampling.
        mean_rgb_255: Colour of the padding.
        seed: Two streams with the same seed are the same.

    Attributes:
        longest_side_px: Longest side of any picture.

    Raises:
        ValueError: A label map holds ids outside the class list or has another size than its
            picture (all label maps and the heads of all pictures are read once).
    """

    def __init__(
        self,
        data: SegmentationData,
        config: DataConfig,
        *,
        mean_rgb_255: tuple[float, float, float],
        seed: int,
    ) -> None:
        self.samples = data.samples
        self.num_classes = len(data.label_set.class_names)
        self.config = config.augment
        self.mean_rgb_255 = mean_rgb_255
        self.seed = seed
        presence, self.longest_side_px = _scan(data.samples, self.num_classes)
        self.odds = _odds(presence, config.balance)
        self._last_order = (-1, np.empty(0, dtype=np.int64))  # epoch, and what `order` gave for it

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Cut the crop at a position of the stream."""
        epoch, place = divmod(position, len(self.samples))
        random = np.random.default_rng((self.seed, 1, position))
        crop = self._crop(self.samples[self.order(epoch)[place]], random)
        if random.random() < self.config.paste:
            second = self.samples[random.choice(len(self.samples), p=self.odds)]
            crop = paste(crop, self._crop(second, random))
        return crop.picture, crop.labels

    def _crop(self, sample: Sample, random: np.random.Generator) -> Crop:
        labels = sample.read_labels(self.num_classes)
        picture = sample.read_picture()
        return augment(picture, labels, self.config, mean_rgb_255=self.mean_rgb_255, random=random)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """List the samples of one pass by index, all of them, or as many draws when balanced."""
        if self._last_order[0] != epoch:
            random = np.random.default_rng((self.seed, 0, epoch))
            count = len(self.samples)
            if self.odds is None:
                self._last_order = epoch, random.permutation(count)
            else:
                self._last_order = epoch, random.choice(count, count, p=self.odds)
        return self._last_order[1]


def _scan(samples: Sequence[Sample], num_classes: int) -> tuple[NDArray[np.bool_], int]:
    """Read all label maps: the classes in each, (number of samples, K), and the longest side."""
    presence = np.zeros((len(samples), num_classes), dtype=bool)
    longest_side_px = 0
    for row, sample in enumerate(samples):
        labels = sample.read_labels(num_classes)
        size = sample.read_picture_size()
        if size != labels.shape:
            raise ValueError(
                f"{sample.picture_path} is {size} and {sample.label_path} {labels.shape} (height, "
                "width): a label map has the size of its picture, held upright"
            )
        presence[row] = np.bincount(labels.ravel(), minlength=VOID + 1)[:num_classes] > 0
        longest_side_px = max(longest_side_px, *labels.shape)
    return presence, longest_side_px


def _odds(presence: NDArray[np.bool_], balance: float) -> NDArray[np.float64] | None:
    if balance == 0:
        return None
    share = presence.mean(axis=0).clip(min=1 / len(presence))
    weight = np.where(presence, share**-balance, 0).max(axis=1)
    # A label map that is void all over holds no class: it keeps the weight of the most common one.
    weight = np.maximum(weight, share.max() ** -balance)
    return np.asarray(weight / weight.sum(), dtype=np.float64)
