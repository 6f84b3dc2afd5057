"""What was taken for what: the cells beside the diagonal of a confusion matrix, in words.

Shapes: K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Confusion:
    """Pixels of one class that were given the label of another.

    Attributes:
        true_name: What they are.
        given_name: What they were called.
        num_pixels: How many.
        share_of_class: Of all scored pixels of the true class, 0..1.
        share_of_errors: Of all scored pixels that are wrong, 0..1.
    """

    true_name: str
    given_name: str
    num_pixels: int
    share_of_class: float
    share_of_errors: float

    def describe(self) -> str:
        """Say it in words."""
        return (
            f"{self.true_name} called {self.given_name}: {100 * self.share_of_class:.1f} % of "
            f"{self.true_name}, {100 * self.share_of_errors:.1f} % of all errors"
        )


def most_frequent(
    confusion: Sequence[Sequence[int]] | NDArray[Any], class_names: Sequence[str], *, count: int
) -> tuple[Confusion, ...]:
    """List the confusions of most pixels, the largest first.

    Args:
        confusion: (K, K) pixel counts; row the true class, column the predicted one.
        class_names: The K names.
        count: How many at most; those without a pixel are never listed.
    """
    counts = np.array(confusion, dtype=np.int64)
    of_class = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    num_errors = int(counts.sum())
    largest = np.argsort(-counts, axis=None, kind="stable")[:count]
    cells = [divmod(int(place), len(class_names)) for place in largest]
    return tuple(
        Confusion(
            class_names[true],
            class_names[given],
            int(counts[true, given]),
            int(counts[true, given]) / int(of_class[true]),
            int(counts[true, given]) / num_errors,
        )
        for true, given in cells
        if counts[true, given]
    )
