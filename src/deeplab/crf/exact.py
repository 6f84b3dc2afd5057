"""Mean field with the sum over all pairs of pixels: the oracle of the tests, for small pictures.

The lattice of the engine approximates the Gaussian kernels; here they are summed as they are
written, in float64, in O(N^2) time for N pixels.

Reference: DeepLab v2, arXiv 1606.00915, section 3.3, eq. 2 and 3.
Shape suffixes: N pixels, B of them in a block, D features, K labels.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.crf.engine import Normalization
from deeplab.crf.parameters import Term

MAX_PIXELS = 16_384
"""More take minutes and are refused."""

_BLOCK_PIXELS = 512
_KEPT_PIXELS = 6_000  # up to here the (N, N) kernel is kept between iterations: 288 MB

Array = NDArray[np.float64]


def mean_field(
    picture: NDArray[np.uint8],
    scores: NDArray[np.float32],
    terms: Sequence[Term],
    energy: NDArray[np.float32] | None,
    *,
    iterations: int,
    normalization: Normalization,
    tolerance: float = 0.0,
) -> NDArray[np.float32]:
    """Infer marginals as the engine does, but for the approximation.

    Args:
        picture: (H, W, C).
        scores: (K, h, w) before softmax; upsampled if (h, w) is not (H, W).
        terms: The kernels.
        energy: Penalties (K, K) of every kernel; none is Potts.
        iterations: How often all pixels exchange messages.
        normalization: As of `DenseCRF`.
        tolerance: Stop when no marginal changed by more; 0 never does.

    Returns:
        (K, H, W), summing to 1 over K.

    Raises:
        ValueError: More than `MAX_PIXELS` pixels.
    """
    height, width = picture.shape[:2]
    if height * width > MAX_PIXELS:
        raise ValueError(
            f"picture of {height}x{width} pixels: accuracy='exact' compares all pairs and takes at "
            f"most {MAX_PIXELS} pixels; take a part of it, or accuracy='dilated'"
        )
    scores_KN = _at_full_size(scores, height, width).reshape(len(scores), -1).astype(np.float64)
    filter_KN = _make_filter(picture, terms, normalization)
    marginals_KN = softmax(scores_KN)
    for _ in range(iterations):
        message_KN = filter_KN(marginals_KN)
        if energy is not None:
            message_KN = -energy.astype(np.float64) @ message_KN
        updated_KN = softmax(scores_KN + message_KN)
        change = np.abs(updated_KN - marginals_KN).max()
        marginals_KN = updated_KN
        if change <= tolerance and tolerance > 0:
            break
    return marginals_KN.reshape(-1, height, width).astype(np.float32)


def features(picture: NDArray[np.uint8], deviations: Sequence[float]) -> Array:
    """Place every pixel in the space whose distances a kernel measures: (N, D).

    Args:
        picture: (H, W, C).
        deviations: Of x, y, and of every channel if the kernel sees colours.
    """
    height, width = picture.shape[:2]
    y, x = np.mgrid[:height, :width]
    planes = [x, y, *np.moveaxis(picture, -1, 0)][: len(deviations)]
    places: Array = np.stack([plane.ravel() for plane in planes], axis=1, dtype=np.float64)
    return places / np.array(deviations, np.float64)


def softmax(scores_KN: Array) -> Array:
    """Turn scores into probabilities over the first axis; minus infinity becomes 0."""
    exponentials_KN = np.exp(scores_KN - scores_KN.max(axis=0))
    probabilities_KN: Array = exponentials_KN / exponentials_KN.sum(axis=0)
    return probabilities_KN


def _at_full_size(scores: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    grid_height, grid_width = scores.shape[1:]
    if (grid_height, grid_width) == (height, width):
        return scores
    rows = np.linspace(0, grid_height - 1, height)
    return imaging.sample_scores(scores, rows, np.linspace(0, grid_width - 1, width))


def _make_filter(
    picture: NDArray[np.uint8], terms: Sequence[Term], normalization: Normalization
) -> Callable[[Array], Array]:
    """Make the function that gives every pixel the sum of all kernels over the pixels' values."""
    points = [features(picture, term.deviations) for term in terms]
    scales = [_scales(points_ND, normalization) for points_ND in points]

    def block(rows: slice) -> Array:
        total_BN = np.zeros((len(range(*rows.indices(num_pixels))), num_pixels))
        for term, points_ND, (scale_in_N, scale_out_N) in zip(terms, points, scales, strict=True):
            kernel_BN = _gaussian(points_ND[rows], points_ND)
            total_BN += term.weight * scale_out_N[rows, np.newaxis] * kernel_BN * scale_in_N
        return total_BN

    num_pixels = picture.shape[0] * picture.shape[1]
    all_rows = list(_row_blocks(num_pixels))
    kept = [block(rows) for rows in all_rows] if num_pixels <= _KEPT_PIXELS else None

    def filter_KN(values_KN: Array) -> Array:
        blocks: Iterable[Array] = kept if kept is not None else map(block, all_rows)
        return np.concatenate([values_KN @ block_BN.T for block_BN in blocks], axis=1)

    return filter_KN


def _scales(points_ND: Array, normalization: Normalization) -> tuple[Array, Array]:
    """Factors (N,) of every pixel before and after the kernel; see `DenseCRF`."""
    blocks = (_gaussian(points_ND[rows], points_ND) for rows in _row_blocks(len(points_ND)))
    sums_N = np.concatenate([block_BN.sum(axis=1) for block_BN in blocks])
    ones_N = np.ones_like(sums_N)
    match normalization:
        case "after":
            return ones_N, 1 / sums_N
        case "before":
            return 1 / sums_N, ones_N
        case "symmetric":
            return 1 / np.sqrt(sums_N), 1 / np.sqrt(sums_N)
        case "none":
            return ones_N, ones_N / sums_N.mean()


def _gaussian(points_BD: Array, points_ND: Array) -> Array:
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a b is one matrix product; float64 has digits to spare for it.
    squares_BN = (points_BD**2).sum(axis=1)[:, np.newaxis] + (points_ND**2).sum(axis=1)
    squares_BN -= 2 * (points_BD @ points_ND.T)
    kernel_BN: Array = np.exp(-0.5 * np.maximum(squares_BN, 0))
    return kernel_BN


def _row_blocks(num_pixels: int) -> Iterable[slice]:
    return (
        slice(start, min(start + _BLOCK_PIXELS, num_pixels))
        for start in range(0, num_pixels, _BLOCK_PIXELS)
    )
