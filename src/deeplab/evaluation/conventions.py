"""How classes that are nowhere count in a mean over classes.

The devkit of PASCAL VOC gives a class that neither occurs nor was predicted IoU 0 and counts it
(MyVOCevalseg.m); most other systems leave it out of the mean. On a whole benchmark the two agree;
on a part of one, or on classes that are rare, they do not.

Shapes: K classes, last axis.
"""

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Convention = Literal["devkit", "present"]
"""What a mean does with a class of which there is nothing to measure: "devkit" counts it as 0,
"present" leaves it out."""


def check_convention(convention: str) -> None:
    """Refuse words that name no convention.

    Raises:
        ValueError: Neither "devkit" nor "present".
    """
    if convention not in get_args(Convention):
        raise ValueError(
            f"convention {convention!r}: allowed are 'devkit' (classes that are nowhere count as "
            "0) and 'present' (they are left out of the mean)"
        )


def share(part: NDArray[Any], whole: NDArray[Any]) -> NDArray[np.float64]:
    """Divide counts: 0..1, and 0 of 0 is 0."""
    return np.asarray(part / np.maximum(whole, 1), dtype=np.float64)


def mean_over_classes(
    part: NDArray[Any], whole: NDArray[Any], convention: Convention
) -> NDArray[np.float64]:
    """Average `share` over the classes.

    Args:
        part: (..., K) counts.
        whole: (..., K) what each is a part of: 0 where there is nothing to measure.
        convention: What such classes do to the mean; if all are such it is 0.

    Returns:
        (...), 0..1.
    """
    shares = share(part, whole)
    if convention == "devkit":
        return np.asarray(shares.mean(axis=-1))
    return np.asarray(shares.sum(axis=-1) / np.maximum((whole > 0).sum(axis=-1), 1))
