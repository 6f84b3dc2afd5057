"""The functions of `pydensecrf.utils`; see `deeplab.crf.pydensecrf`.

Shapes: N variables (pixels in row order), K labels, D features.
"""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger(__name__)


def unary_from_labels(
    labels: Any, n_labels: int, gt_prob: float, zero_unsure: bool = True
) -> NDArray[np.float32]:
    """Make energies of labels that are right with a given probability.

    Args:
        labels: Whole numbers, of any shape with N entries. With `zero_unsure`, 0 means that nothing
            is known and label k is written k + 1.
        n_labels: K; 0 for "unsure" does not count.
        gt_prob: Probability that a label is right, between 0 and 1; the rest is spread evenly.
        zero_unsure: Whether 0 means "unsure".

    Returns:
        Energies (K, N).

    Raises:
        ValueError: Labels or probabilities out of range.
    """
    if not 0 < gt_prob < 1:
        raise ValueError(f"gt_prob={gt_prob!r}: give a probability between 0 and 1")
    numbers = np.asarray(labels).ravel().astype(np.int64) - bool(zero_unsure)
    least = -1 if zero_unsure else 0
    if numbers.size and not least <= numbers.min() <= numbers.max() < n_labels:
        first = 0 if zero_unsure else least
        last = n_labels if zero_unsure else n_labels - 1
        raise ValueError(f"labels for n_labels={n_labels} lie in {first}..{last}")
    others = np.log(max(n_labels - 1, 1)) - np.log1p(-gt_prob)
    energies = np.full((n_labels, numbers.size), others, np.float32)
    is_known = numbers >= 0
    energies[numbers[is_known], np.flatnonzero(is_known)] = -np.log(gt_prob)
    energies[:, ~is_known] = np.log(n_labels)
    return energies


def compute_unary(labels: Any, M: int, GT_PROB: float = 0.5) -> NDArray[np.float32]:
    """Do what `unary_from_labels` does, which is the name to use."""
    _log.warning("compute_unary is deprecated, use unary_from_labels instead")
    return unary_from_labels(labels, M, GT_PROB)


def unary_from_softmax(
    sm: Any, scale: float | None = None, clip: float | None = 1e-5
) -> NDArray[np.float32]:
    """Make energies of probabilities: minus their logarithm.

    Args:
        sm: Probabilities, K first, then any shape with N entries.
        scale: How sure probability 1 is taken to be, above 0 and up to 1; probabilities are mixed
            with uniform ones accordingly.
        clip: Smaller probabilities are raised to it; none leaves them alone. For the results of
            DeepLab's own code leave them alone, or do without this function: take minus the scores.

    Returns:
        Energies (K, N).

    Raises:
        ValueError: `scale` is out of range.
    """
    probabilities = np.asarray(sm)
    if scale is not None:
        if not 0 < scale <= 1:
            raise ValueError(f"scale={scale!r}: give a number above 0 and up to 1")
        probabilities = scale * probabilities + (1 - scale) / len(probabilities)
    if clip is not None:
        probabilities = np.clip(probabilities, clip, 1.0)
    with np.errstate(divide="ignore"):  # an impossible label costs infinite energy
        energies: NDArray[Any] = -np.log(probabilities)
    return energies.reshape(len(probabilities), -1).astype(np.float32)


def softmax_to_unary(sm: Any, GT_PROB: float = 1) -> NDArray[np.float32]:
    """Do what `unary_from_softmax` does without clipping; that is the name to use."""
    _log.warning("softmax_to_unary is deprecated, use unary_from_softmax instead")
    return unary_from_softmax(sm, None if GT_PROB == 1 else GT_PROB, clip=None)


def create_pairwise_gaussian(sdims: Sequence[float], shape: Sequence[int]) -> NDArray[np.float32]:
    """Make features of places in an array of any number of dimensions.

    Args:
        sdims: Standard deviation along each axis of the array (rows first, unlike `sxy`).
        shape: Of the array.

    Returns:
        Features (D, N) for `addPairwiseEnergy`.
    """
    places = np.indices(shape, np.float32)
    _divide(places, sdims, "sdims")
    return places.reshape(len(places), -1)


def create_pairwise_bilateral(
    sdims: Sequence[float], schan: float | Sequence[float], img: Any, chdim: int = -1
) -> NDArray[np.float32]:
    """Make features of places and values in an array of any number of dimensions.

    Args:
        sdims: Standard deviation along each axis of the array but the channels (rows first).
        schan: Standard deviation of values: one for all channels, or one for each.
        img: The array.
        chdim: Its axis of channels; -1: it has none.

    Returns:
        Features (D, N) for `addPairwiseEnergy`: places, then values.
    """
    array = np.asarray(img)
    values = array[np.newaxis] if chdim == -1 else np.moveaxis(array, chdim, 0)
    values = values.astype(np.float32)
    _divide(values, (schan,) * len(values) if np.ndim(schan) == 0 else schan, "schan")
    places = create_pairwise_gaussian(sdims, values.shape[1:])
    return np.concatenate([places, values.reshape(len(values), -1)])


def _divide(planes: NDArray[np.float32], deviations: Any, name: str) -> None:
    if len(deviations) != len(planes):
        raise ValueError(
            f"{name} has {len(deviations)} standard deviations for {len(planes)} axes or channels: "
            "give one for each"
        )
    for plane, deviation in zip(planes, deviations, strict=True):
        plane /= deviation
