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
from pydantic import BaseModel, NonNegativeFloat, NonNegativeInt, PositiveInt
from torch import Tensor
from torch.utils.data import Dataset

from deeplab import imaging
from deeplab.data.augment import AugmentConfig, Crop, augment, paste
from deeplab.data.samples import Sample, SegmentationData, open_split

_NUM_KEPT = 2  # the picture of the group, and the one it is pasted from
_Read = tuple[imaging.Picture, imaging.LabelMap]
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
    crops_per_picture: PositiveInt = 1
    """Crops, one after the other in the stream, that are cut from a picture (and pasted from one
    other) before the next is taken, so that both are decoded once for all of them. For pictures as
    large as those of Cityscapes, where decoding takes most of the time; a batch shows fewer."""
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
    """Position -> (picture (bands, crop, crop) float32, labels (crop, crop) uint8, see `Crop`).

    Args:
        data: Training samples.
        config: Crops and sampling.
        mean_255: Colour of the padding, for each band that pictures are to have.
        seed: Two streams with the same seed are the same.

    Attributes:
        longest_side_px: Longest side of any picture.
        pixel_counts: Pixels of each class in all label maps, (K,).
        picture_pixel_counts: Pixels of all label maps in which a class occurs, void left out, (K,).

    Raises:
        ValueError: A label map holds ids outside the class list or has another size than its
            picture (all label maps and the heads of all pictures are read once).
    """

    def __init__(
        self,
        data: SegmentationData,
        config: DataConfig,
        *,
        mean_255: tuple[float, ...],
        seed: int,
    ) -> None:
        self.samples = data.samples
        self.num_classes = len(data.label_set.class_names)
        self.config = config.augment
        self.mean_255 = mean_255
        self.seed = seed
        self.crops_per_picture = config.crops_per_picture
        counts, self.longest_side_px = _scan(data.samples, self.num_classes)
        self.pixel_counts = counts.sum(axis=0)
        self.picture_pixel_counts = ((counts > 0) * counts.sum(axis=1)[:, np.newaxis]).sum(axis=0)
        self.odds = _odds(counts > 0, config.balance)
        self._kept: dict[Sample, _Read] = {}  # what was read last, if several crops are cut from it
        self._last_order = (-1, np.empty(0, dtype=np.int64))  # epoch, and what `order` gave for it

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        """Cut the crop at a position of the stream."""
        group = position // self.crops_per_picture
        epoch, place = divmod(group, len(self.samples))
        random = np.random.default_rng((self.seed, 1, position))
        sample = self.samples[self.order(epoch)[place]]
        crop = self._crop(sample, random)
        if random.random() < self.config.paste:
            drawer = random
            if self.crops_per_picture > 1:  # the same one for all crops of the group
                drawer = np.random.default_rng((self.seed, 2, group))
            second = self.samples[drawer.choice(len(self.samples), p=self.odds)]
            crop = paste(crop, self._crop(second, random))
        return crop.picture, crop.labels

    def _crop(self, sample: Sample, random: np.random.Generator) -> Crop:
        picture, labels = self._read(sample)
        return augment(picture, labels, self.config, mean_255=self.mean_255, random=random)

    def _read(self, sample: Sample) -> _Read:
        """Read a sample; the last two are kept where several crops are cut from each."""
        read = self._kept.pop(sample, None)
        if read is None:
            picture = sample.read_picture(len(self.mean_255))
            read = picture, sample.read_labels(self.num_classes)
        if self.crops_per_picture > 1:
            self._kept[sample] = read
            if len(self._kept) > _NUM_KEPT:
                del self._kept[next(iter(self._kept))]
        return read

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


def _scan(samples: Sequence[Sample], num_classes: int) -> tuple[NDArray[np.int64], int]:
    """Read all label maps: pixels of each class, (number of samples, K), and the longest side."""
    counts = np.zeros((len(samples), num_classes), dtype=np.int64)
    longest_side_px = 0
    for row, sample in enumerate(samples):
        labels = sample.read_labels(num_classes)
        size = sample.read_picture_size()
        if size != labels.shape:
            raise ValueError(
                f"{sample.picture_path} is {size} and {sample.label_path} {labels.shape} (height, "
                "width): a label map has the size of its picture, held upright"
            )
        counts[row] = np.bincount(labels.ravel(), minlength=num_classes)[:num_classes]
        longest_side_px = max(longest_side_px, *labels.shape)
    return counts, longest_side_px


def _odds(presence: NDArray[np.bool_], balance: float) -> NDArray[np.float64] | None:
    if balance == 0:
        return None
    share = presence.mean(axis=0).clip(min=1 / len(presence))
    weight = np.where(presence, share**-balance, 0).max(axis=1)
    # A label map that is void all over holds no class: it keeps the weight of the most common one.
    weight = np.maximum(weight, share.max() ** -balance)
    return np.asarray(weight / weight.sum(), dtype=np.float64)
