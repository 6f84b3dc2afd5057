"""What all measures that sum over pictures have in common.

`boundary`, `calibration` and `trimap` are such measures. What they keep is sums, so several
pictures can be counted at the same time, and what was counted before an interruption is added to
what comes after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from deeplab.labels import VOID

_Result_co = TypeVar("_Result_co", covariant=True)

State = dict[str, NDArray[Any]]
"""Sums over pictures, by name."""


@dataclass(frozen=True, eq=False)
class PictureResult:
    """A picture that was segmented, for measures to count.

    Attributes:
        name: What error messages call it.
        truth: True label map (H, W): 0..K-1, or void.
        labels: Predicted label map (H, W): 0..K-1.
        confidence: (H, W) float32, 0..1: probability of the label given; None if nobody knows, as
            of label maps from files.
        void: The label in `truth` that is void.
        label_path: Where the true label map is; other files lie beside it in some data sets.
    """

    name: str
    truth: NDArray[Any]
    labels: NDArray[Any]
    confidence: NDArray[np.float32] | None = None
    void: int = VOID
    label_path: Path | None = None

    @cached_property
    def is_scored(self) -> NDArray[np.bool_]:
        """Where the truth is not void: (H, W)."""
        return np.asarray(self.truth != self.void)


class Measure(Protocol[_Result_co]):
    """Sums over pictures, and what is read off them."""

    def add(self, picture: PictureResult) -> None:
        """Count one picture, whose labels were checked: all are classes, or void in the truth."""

    def state(self) -> State:
        """Give all sums so far.

        The state after two pictures is the sum of the states after either alone: that is how
        pictures are counted several at a time.
        """

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from sums that `state` gave, of a measure that was made in the same way."""

    def result(self) -> _Result_co:
        """Read the measure off the sums so far."""


def add_states(one: Mapping[str, NDArray[Any]], other: Mapping[str, NDArray[Any]]) -> State:
    """Add up two states of one kind of measure; integers stay integers."""
    return {name: one[name] + other[name] for name in one}
