"""Class scores on a grid to pixels: labels with their probability, or the scores of every pixel.

Two ways to the same labels: the compiled module (`kernel/`), which never holds upsampled scores,
and numpy, to read, to check the module by, and to take its place where nothing was compiled
(which the log says once).

Shapes: K classes, (h, w) the grid, (H, W) pixels.
"""

import functools
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.labels import label_dtype
from deeplab.processor import num_cores

if TYPE_CHECKING:
    from deeplab.inference import _kernel as _kernel
else:
    try:
        import deeplab.inference._kernel as _kernel
    except ImportError:
        _kernel: ModuleType | None = None

_log = logging.getLogger(__name__)

Labelled = tuple[imaging.LabelMap, NDArray[np.float32]]
"""Labels (H, W), and the probability of each pixel's label (H, W), 0..1."""

_VALUES_PER_THREAD = 2**20  # starting a thread takes as long as some ten thousand values
_MOST_THREADS = 256

# Upsampled at a time: so little that it stays in the processor's cache.
_BAND_ROWS = 32
_BAND_VALUES = 2**20


def label(
    values: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    are_probabilities: bool,
    threads: int | None = None,
) -> Labelled:
    """Give every pixel the class of its highest value, the first of equals.

    Args:
        values: (K, h, w) class scores or probabilities.
        rows: (H,) position of each pixel row, in rows of `values`, clamped at the borders.
        columns: (W,) likewise.
        are_probabilities: The confidence is the value itself, not the softmax of all.
        threads: Processor threads, at most; None: one for each core.
    """
    if _kernel is None:
        _tell_nothing_is_compiled()
        return label_plainly(values, rows, columns, are_probabilities=are_probabilities)
    labels = np.empty((len(rows), len(columns)), dtype=label_dtype(len(values)))
    confidence = np.empty(labels.shape, dtype=np.float32)
    _kernel.label(
        *_contiguous(values, rows, columns),
        labels=labels,
        confidence=confidence,
        are_probabilities=are_probabilities,
        threads=_num_threads(len(values) * labels.size, threads),
        variant=_kernel.variants()[0],
    )
    return labels, confidence


def upsample(
    values: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    threads: int | None = None,
) -> NDArray[np.float32]:
    """Interpolate at all pixels, as `imaging.sample_scores`: (K, h, w) -> (K, H, W).

    Args:
        values: (K, h, w).
        rows: (H,), see `label`.
        columns: (W,), see `label`.
        threads: See `label`.
    """
    if _kernel is None:
        _tell_nothing_is_compiled()
        return imaging.sample_scores(values, rows, columns)
    out = np.empty((len(values), len(rows), len(columns)), dtype=np.float32)
    _kernel.upsample(
        *_contiguous(values, rows, columns),
        out=out,
        threads=_num_threads(out.size, threads),
        variant=_kernel.variants()[0],
    )
    return out


def label_plainly(
    values: NDArray[np.float32],
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
    *,
    are_probabilities: bool,
) -> Labelled:
    """Do what `label` does, in numpy."""
    labels = np.empty((len(rows), len(columns)), dtype=label_dtype(len(values)))
    confidence = np.empty(labels.shape, dtype=np.float32)
    for band in bands(len(values), len(rows), len(columns)):
        scores = imaging.sample_scores(values, rows[band], columns)
        labels[band], best = _best_class(scores)
        if are_probabilities:
            confidence[band] = best
        else:
            np.exp(np.subtract(scores, best, out=scores), out=scores)
            np.divide(1, scores.sum(axis=0), out=confidence[band])
    return labels, confidence


def bands(num_classes: int, height: int, width: int) -> Iterator[slice]:
    """Divide pixel rows into bands whose upsampled scores are few."""
    step = max(1, min(_BAND_ROWS, _BAND_VALUES // (num_classes * width)))
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _best_class(scores: NDArray[np.float32]) -> Labelled:
    """Find the first highest score: (K, H, W) -> labels (H, W), scores (H, W)."""
    # Class by class: several times as fast as `argmax` over the first axis.
    best = scores[0].copy()
    label_map = np.zeros(best.shape, dtype=label_dtype(len(scores)))
    for index in range(1, len(scores)):
        np.copyto(label_map, index, where=scores[index] > best)
        np.maximum(best, scores[index], out=best)
    return label_map, best


def _contiguous(
    values: NDArray[np.float32], rows: NDArray[Any], columns: NDArray[Any]
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]:
    return (
        np.ascontiguousarray(values, np.float32),
        np.ascontiguousarray(rows, np.float64),
        np.ascontiguousarray(columns, np.float64),
    )


def _num_threads(num_values: int, most: int | None) -> int:
    """Take as many threads as are allowed, but for few values fewer: 1.._MOST_THREADS."""
    worthwhile = max(1, num_values // _VALUES_PER_THREAD)
    return min(num_cores() if most is None else most, _MOST_THREADS, worthwhile)


@functools.cache  # once
def _tell_nothing_is_compiled() -> None:
    _log.info(
        "the compiled module of deeplab.inference is missing: labels are computed with numpy, the "
        "same and several times slower; installing again where there is a C++17 compiler makes it"
    )
