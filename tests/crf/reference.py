"""The permutohedral lattice and mean field, slow and to be read: what the engine is tested against.

Places in the lattice are computed in float32, in the order of operations of the published C++ code
(so that every pixel falls into the same simplex); all sums are in float64.

Reference: Adams, Baek and Davis, "Fast high-dimensional filtering using the permutohedral lattice",
2010; Kraehenbuehl and Koltun, arXiv 1210.5644.
Shape suffixes: N pixels, D features, V = D + 1 vertices of a simplex, M vertices of the lattice,
K labels, C channels of values.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FLOAT = np.float32


def pixel_features(
    height: int,
    width: int,
    xy: tuple[float, float],
    picture: NDArray[np.uint8] | None = None,
    channels: Sequence[float] = (),
) -> NDArray[np.float32]:
    """Places, and colours if a picture (H, W, C) is given, over their deviations: (D, N)."""
    y, x = np.mgrid[:height, :width].astype(FLOAT)
    planes = [x / FLOAT(xy[0]), y / FLOAT(xy[1])]
    if picture is not None:
        colours = np.moveaxis(picture, -1, 0).astype(FLOAT)
        planes += [plane / FLOAT(one) for plane, one in zip(colours, channels, strict=True)]
    return np.stack(planes).reshape(len(planes), -1)


class Lattice:
    """The permutohedral lattice of some points, with every vertex of their simplices.

    Args:
        features_DN: The points.
        dilated: Also every neighbour of such a vertex.
    """

    def __init__(self, features_DN: NDArray[np.float32], *, dilated: bool = False) -> None:
        self.num_dims, self.num_points = features_DN.shape
        keys_VND, self.weights_VN = _enclosing_simplices(features_DN)
        occupied_MD, vertex = np.unique(
            keys_VND.reshape(-1, self.num_dims), axis=0, return_inverse=True
        )
        self.vertex_VN = vertex.reshape(self.num_dims + 1, -1)
        self.keys_MD = occupied_MD
        if dilated:
            ring = _neighbours(occupied_MD).reshape(-1, self.num_dims)
            self.keys_MD = np.unique(np.concatenate([occupied_MD, ring]), axis=0)
            self.vertex_VN = _find(self.keys_MD, occupied_MD)[self.vertex_VN]
        self.neighbours_V2M = np.stack(
            [
                [_find(self.keys_MD, side_MD) for side_MD in axis_2MD]
                for axis_2MD in _neighbours(self.keys_MD)
            ]
        )

    def filter(self, values_CN: NDArray[np.float64]) -> NDArray[np.float64]:
        """Splat, blur along every axis, slice: (C, N) -> (C, N)."""
        rows_MC = np.zeros((len(self.keys_MD) + 1, len(values_CN)))  # the last: no such vertex
        for vertex_N, weights_N in zip(self.vertex_VN, self.weights_VN, strict=True):
            np.add.at(rows_MC, vertex_N, (values_CN * weights_N).T)
        for one_M, other_M in self.neighbours_V2M:
            rows_MC[:-1] += 0.5 * (rows_MC[one_M] + rows_MC[other_M])
        sliced_NC = sum(
            rows_MC[vertex_N] * weights_N[:, np.newaxis]
            for vertex_N, weights_N in zip(self.vertex_VN, self.weights_VN, strict=True)
        )
        return np.asarray(sliced_NC).T / (1 + 2.0**-self.num_dims)


@dataclass
class Term:
    """One kernel of the pairwise term.

    Args:
        features_DN: Where it sees the pixels.
        weight: Of its messages.
        energy_KK: Penalties; none rewards equal labels (Potts).
        normalization: after, symmetric, before or none.
        dilated: Of its lattice.
    """

    features_DN: NDArray[np.float32]
    weight: float
    energy_KK: NDArray[np.float64] | None = None
    normalization: str = "after"
    dilated: bool = False

    def __post_init__(self) -> None:
        self.lattice = Lattice(self.features_DN, dilated=self.dilated)
        sums_N = self.lattice.filter(np.ones((1, self.lattice.num_points)))[0]
        self.scale_in_N, self.scale_out_N = {
            "after": (np.ones_like(sums_N), 1 / sums_N),
            "before": (1 / sums_N, np.ones_like(sums_N)),
            "symmetric": (1 / np.sqrt(sums_N), 1 / np.sqrt(sums_N)),
            "none": (np.ones_like(sums_N), np.full_like(sums_N, 1 / sums_N.mean())),
        }[self.normalization]

    def filter(self, values_CN: NDArray[np.float64]) -> NDArray[np.float64]:
        """Apply the kernel with its normalisation, without weight and penalties."""
        return self.scale_out_N * self.lattice.filter(values_CN * self.scale_in_N)

    def message(self, marginals_KN: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the pixels add to their scores."""
        filtered_KN = self.filter(marginals_KN)
        if self.energy_KK is None:
            return self.weight * filtered_KN
        return -self.weight * (self.energy_KK @ filtered_KN)


def softmax(scores_KN: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials_KN = np.exp(scores_KN - scores_KN.max(axis=0))
    return np.asarray(exponentials_KN / exponentials_KN.sum(axis=0))


def mean_field(
    scores: NDArray[np.floating], terms: Sequence[Term], iterations: int
) -> NDArray[np.float64]:
    """Marginals of class scores, both (K, H, W)."""
    scores_KN = scores.reshape(len(scores), -1).astype(np.float64)
    marginals_KN = softmax(scores_KN)
    for _ in range(iterations):
        messages = [term.message(marginals_KN) for term in terms]
        marginals_KN = softmax(sum(messages, scores_KN))
    return marginals_KN.reshape(scores.shape)


def _enclosing_simplices(
    features_DN: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Find each point's simplex: keys of its vertices (V, N, D), barycentric weights (V, N)."""
    num_dims, num_points = features_DN.shape
    size = num_dims + 1
    elevated_VN = _elevate(features_DN)
    # The nearest point of the lattice whose coordinates are all multiples of V ...
    rounded_VN = np.rint(elevated_VN * FLOAT(1 / size))  # to even at halves
    origin_VN = rounded_VN * FLOAT(size)
    # ... and the order of what remains, which says in which simplex around it the point lies.
    rest_VN = elevated_VN - origin_VN
    rank_VN = np.zeros((size, num_points), np.int64)
    for i in range(size):
        for j in range(i + 1, size):
            is_less_N = rest_VN[i] < rest_VN[j]
            rank_VN[i] += is_less_N
            rank_VN[j] += ~is_less_N
    # Rounding may have left the plane on which coordinates sum to 0; ranks out of 0..D say where.
    rank_VN += rounded_VN.sum(axis=0).astype(np.int64)
    back_VN = size * ((rank_VN < 0).astype(np.int64) - (rank_VN >= size))
    rank_VN += back_VN
    origin_VN += back_VN.astype(FLOAT)

    share_VN = (elevated_VN - origin_VN) * FLOAT(1 / size)
    by_rank_VN = np.take_along_axis(share_VN, np.argsort(rank_VN, axis=0), axis=0)
    falling_VN = by_rank_VN[::-1]  # of rank D first
    weights_VN = np.empty((size, num_points), FLOAT)
    weights_VN[1:] = falling_VN[1:] - falling_VN[:-1]
    weights_VN[0] = falling_VN[0] + (FLOAT(1) - falling_VN[-1])

    # Vertex v has v added to its V - v coordinates of lowest rank, and v - V to the others.
    vertex_V11 = np.arange(size)[:, np.newaxis, np.newaxis]
    step_VVN = np.where(rank_VN < size - vertex_V11, vertex_V11, vertex_V11 - size)
    keys_VVN = origin_VN.astype(np.int64) + step_VVN
    return np.moveaxis(keys_VVN[:, :num_dims], 1, 2), weights_VN.astype(np.float64)


def _elevate(features_DN: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring points onto the plane in D + 1 dimensions, scaled for a blur of deviation 1."""
    num_dims, num_points = features_DN.shape
    deviation = FLOAT(np.sqrt(2 / 3) * (num_dims + 1))
    elevated_VN = np.empty((num_dims + 1, num_points), FLOAT)
    running_N = np.zeros(num_points, FLOAT)
    for j in range(num_dims, 0, -1):
        scale = FLOAT(1 / np.sqrt((j + 1) * j) * np.float64(deviation))
        scaled_N = features_DN[j - 1] * scale
        elevated_VN[j] = running_N - FLOAT(j) * scaled_N
        running_N = running_N + scaled_N
    elevated_VN[0] = running_N
    return elevated_VN


def _neighbours(keys_MD: NDArray[np.int64]) -> NDArray[np.int64]:
    """Step along every axis, there and back: (V, 2, M, D)."""
    num_dims = keys_MD.shape[1]
    steps_VD = -np.ones((num_dims + 1, num_dims), np.int64)
    steps_VD[:num_dims] += (num_dims + 1) * np.eye(num_dims, dtype=np.int64)
    steps_V2D = np.stack([steps_VD, -steps_VD], axis=1)
    return np.asarray(keys_MD + steps_V2D[:, :, np.newaxis])


def _find(known_MD: NDArray[np.int64], wanted_MD: NDArray[np.int64]) -> NDArray[np.int64]:
    """Look up rows among rows that are unique; -1 for those that are not there."""
    both, inverse = np.unique(np.concatenate([known_MD, wanted_MD]), axis=0, return_inverse=True)
    place = np.full(len(both), -1)
    place[inverse.reshape(-1)[: len(known_MD)]] = np.arange(len(known_MD))
    return np.asarray(place[inverse.reshape(-1)[len(known_MD) :]])
