"""What callers of pydensecrf hand over, taken as arrays that nobody else changes.

All functions but `softmax` raise a ValueError that names the argument and says what is allowed.
"""

from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


def count(value: Any, name: str, most: int, *, least: int = 1) -> int:
    """Take a whole number of a range."""
    try:
        number = index(value)
    except TypeError:
        number = least - 1
    if not least <= number <= most:
        raise ValueError(f"{name}={value!r}: give a whole number from {least} to {most}")
    return number


def matrix(value: Any, name: str) -> Matrix:
    """Take a matrix of any layout and float type, as a copy that nobody else changes."""
    if hasattr(value, "detach"):  # torch tensors that want gradients
        value = value.detach()
    with np.errstate(over="ignore"):  # infinities are found where they matter
        taken = np.array(value, np.float32, order="C")
    if taken.ndim != 2 or taken.size == 0:
        raise ValueError(
            f"{name} of shape {taken.shape}: give a matrix with one column per variable; flatten "
            f"pictures with {name}.reshape(len({name}), -1)"
        )
    return taken


def compatibility(compat: Any, num_labels: int) -> tuple[float, Matrix | None]:
    """Take what rewards equal labels, or energies (K, K) with weight 1."""
    values = np.array(compat, np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"compat={compat!r}: give finite values")
    if values.ndim == 0:
        return float(values), None
    if values.shape not in ((num_labels,), (num_labels, num_labels)):
        raise ValueError(
            f"compat of shape {values.shape}: give a number, ({num_labels},) or "
            f"({num_labels}, {num_labels}) values for {num_labels} labels"
        )
    energy = np.diag(values) if values.ndim == 1 else (values + values.T) * np.float32(0.5)
    return 1.0, np.ascontiguousarray(energy, np.float32)


def deviations(value: Any, name: str, num_axes: int) -> tuple[float, ...]:
    """Take one standard deviation for each axis, or one for all."""
    try:
        taken = np.array(value, np.float64)
    except (TypeError, ValueError):
        taken = np.zeros(0)
    is_positive = bool(((taken > 0) & np.isfinite(taken)).all())
    if taken.shape not in ((), (num_axes,)) or not is_positive:
        raise ValueError(
            f"{name}={value!r}: give one positive standard deviation, or {num_axes} of them"
        )
    return tuple(np.broadcast_to(taken, num_axes).tolist())


def picture(rgbim: Any, expected: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Take a picture as a copy that nobody else changes."""
    given = np.asarray(rgbim)
    if given.shape != expected:
        advice = ""
        if given.ndim == 3 and given.shape[2] != 3:
            advice = "; for other than 3 channels use utils.create_pairwise_bilateral and "
            advice += "addPairwiseEnergy"
        raise ValueError(f"rgbim of shape {given.shape}: give (h, w, 3) = {expected}{advice}")
    with np.errstate(invalid="ignore"):
        taken = np.array(given, np.uint8, order="C")
    if given.dtype != np.uint8 and not (taken == given).all():
        raise ValueError("rgbim holds values that are not whole numbers from 0 to 255")
    return taken


def softmax(scores: Matrix) -> Matrix:
    """Turn scores (K, N) into probabilities; minus infinity becomes 0."""
    exponentials = np.exp(scores - scores.max(axis=0))
    probabilities: Matrix = exponentials / exponentials.sum(axis=0)
    return probabilities
