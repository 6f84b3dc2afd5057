"""How much the pixels of each class count in the loss.

Median frequency balancing: Eigen & Fergus, arXiv 1411.4734, section 4.3.2 (as SegNet, arXiv
1511.00561, uses it).
"""

import logging
from collections.abc import Mapping, Sequence

import numpy as np

from deeplab.data.stream import CropStream

CLIP = 10.0
"""Weights stay between 1 / CLIP and CLIP, so that a class of 20 pixels does not outweigh all
others."""

_log = logging.getLogger(__name__)

Choice = str | Sequence[float] | Mapping[str, float]


def class_weights(
    choice: Choice, class_names: Sequence[str], stream: CropStream
) -> tuple[float, ...] | None:
    """Find the weight of each class in the loss, and tell of it.

    Args:
        choice: "none"; "auto" or "median_frequency": the frequency of a class is its pixels by all
            labelled pixels of the pictures that it occurs in, and its weight the median of all
            frequencies by its own; a weight for each class in label order; or weights by name, all
            others being 1.
        class_names: K names.
        stream: Knows the pixels of the classes.

    Returns:
        K weights; those of classes that never occur are 1, as nothing can be learnt of them. None:
        all pixels count alike.

    Raises:
        ValueError: Weights for another number of classes, unknown names, or weights that are not
            finite, below 0, or all 0.
    """
    if choice == "none":
        return None
    given = None if isinstance(choice, str) else _given(choice, class_names)
    weights = given or _median_frequency(stream)
    _check(weights)
    _tell(weights, class_names, stream)
    return weights


def _median_frequency(stream: CropStream) -> tuple[float, ...]:
    counts, picture_counts = stream.pixel_counts, stream.picture_pixel_counts
    occurs = counts > 0
    if not occurs.any():
        return (1.0,) * len(counts)
    frequency = counts / np.maximum(picture_counts, 1)
    weights = np.ones(len(counts))
    weights[occurs] = np.median(frequency[occurs]) / frequency[occurs]
    return tuple(weights.clip(1 / CLIP, CLIP).tolist())


def _given(
    choice: Sequence[float] | Mapping[str, float], class_names: Sequence[str]
) -> tuple[float, ...]:
    if isinstance(choice, Mapping):
        unknown = [name for name in choice if name not in class_names]
        if unknown:
            raise ValueError(
                f"train.class_weights: no class {unknown[0]!r}; classes are "
                f"{', '.join(class_names)}"
            )
        return tuple(float(choice.get(name, 1.0)) for name in class_names)
    if len(choice) != len(class_names):
        raise ValueError(
            f"train.class_weights has {len(choice)} numbers for {len(class_names)} classes: give "
            "one for each, in the order of their labels, or name them as in {pole: 2.5}"
        )
    return tuple(map(float, choice))


def _check(weights: Sequence[float]) -> None:
    if not np.isfinite(weights).all() or min(weights) < 0 or max(weights) == 0:
        raise ValueError(
            f"train.class_weights {tuple(weights)}: weights are 0 or more, and not all 0"
        )


def _tell(weights: Sequence[float], class_names: Sequence[str], stream: CropStream) -> None:
    share = stream.pixel_counts / max(int(stream.pixel_counts.sum()), 1)
    width = max(map(len, class_names))
    lines = [
        f"{name:{width}}  {100 * part:7.3f} %  {weight:6.3f}"
        for name, part, weight in zip(class_names, share, weights, strict=True)
    ]
    head = f"{'class':{width}}  {'pixels':>9}  {'weight':>6}"
    _log.info("class weights in the loss:\n%s", "\n".join([head, *lines]))
    absent = [
        name for name, count in zip(class_names, stream.pixel_counts, strict=True) if not count
    ]
    if absent:
        _log.warning(
            "%d classes never occur in the training label maps: %s", len(absent), ", ".join(absent)
        )
