"""One picture or many, in whichever form they were given, become a list of jobs.

Shapes: N pictures in an array, H, W the picture, C its channels, K labels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deeplab.crf.inputs import SupportsArray, to_array

Arrays = Sequence[SupportsArray]
Values = SupportsArray | Arrays | None
Size = Sequence[int] | Sequence[Sequence[int]] | None


@dataclass(frozen=True)
class Job:
    """One picture with its scores or probabilities, as they were given."""

    picture: object
    values: object
    are_probabilities: bool
    size: Sequence[int] | None


def split(
    picture: SupportsArray | Arrays, scores: Values, probabilities: Values, size: Size
) -> tuple[list[Job], bool]:
    """Make a job of every picture, and say whether a batch was given.

    Raises:
        ValueError: Both or neither of scores and probabilities; unequal lengths.
    """
    if (scores is None) == (probabilities is None):
        given = "neither scores nor" if scores is None else "both scores and"
        raise ValueError(f"{given} probabilities: give one of the two")
    values = probabilities if scores is None else scores
    what = "probabilities" if scores is None else "scores"
    if not _is_batch(picture, values, what):
        return [Job(picture, values, scores is None, _one_size(size))], False
    pictures, all_values = _entries(picture, "pictures"), _entries(values, what)
    if len(pictures) != len(all_values):
        raise ValueError(
            f"a batch of {len(pictures)} pictures with {len(all_values)} {what}: give one array of "
            f"{what} for each picture"
        )
    sizes = _sizes(size, len(pictures))
    jobs = zip(pictures, all_values, sizes, strict=True)
    return [Job(one, value, scores is None, its_size) for one, value, its_size in jobs], True


def _is_batch(picture: object, values: object, what: str) -> bool:
    if _is_list(picture) or _is_list(values):
        return True
    # (N, H, W) might as well be one picture (H, W, C): the scores decide.
    return to_array(values, what).ndim == 4


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _entries(value: Any, what: str) -> Sequence[object]:
    if _is_list(value):
        return list(value)
    array = to_array(value, what)
    least = 3 if what == "pictures" else 4
    if array.ndim < least:
        raise ValueError(
            f"{what} of shape {array.shape}: a batch is a list, or an array with one axis more "
            "than a single one has"
        )
    if len(array) == 0:
        raise ValueError(f"{what} of shape {array.shape}: an empty batch; give at least one")
    return list(array)


def _one_size(size: Size) -> Sequence[int] | None:
    if size is None:
        return None
    if np.shape(size) != (2,):
        raise ValueError(f"size={size!r}: give (height, width)")
    height, width = size
    return int(height), int(width)  # type: ignore[arg-type]  # numbers, as the shape says


def _sizes(size: Size, count: int) -> list[Sequence[int] | None]:
    if size is None or np.shape(size) == (2,):
        return [_one_size(size)] * count
    if len(size) != count:
        raise ValueError(
            f"{len(size)} sizes for {count} pictures: give one for each, or one for all"
        )
    return [_one_size(one) for one in size]  # type: ignore[arg-type]
