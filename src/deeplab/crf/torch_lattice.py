"""Gaussian filtering on the permutohedral lattice, in torch operations on any device.

The lattice is the one of Adams, Baek and Davis, "Fast High-Dimensional Filtering Using the
Permutohedral Lattice" (Eurographics 2010), as the released CRF code of Kraehenbuehl and Koltun
builds it. Sums of few rows of a table, which splatting, blurring and slicing all are, run in
`embedding_bag`: it gathers, weighs and adds in one pass, without storing what it gathered.

Shape suffixes: N pixels, D features of a pixel, V = D + 1 corners of a simplex (and axes of the
lattice), M occupied vertices, K channels of the values that are filtered.
"""

import math
import random
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where pixels lie on a lattice, and which of its vertices are neighbours.

    Tables of vertex values have M + 1 rows. The last one stays 0: it is the neighbour of all that
    have none.
    """

    vertices_NV: Tensor
    """Corners of the simplex around each pixel, int32."""
    slice_weights_NV: Tensor
    """Barycentric coordinates times the lattice's constant 1 / (1 + 2^-D)."""
    pixels: Tensor
    """The pixels that reach each vertex, vertex after vertex, (N V,) int32."""
    starts: Tensor
    """Where in `pixels` each vertex begins, (M + 1,) int32; the last one has no pixels."""
    splat_weights: Tensor
    """Barycentric coordinates in the order of `pixels`, (N V,)."""
    blurred_VM3: Tensor
    """For each axis the rows that make the new row: itself and its neighbours, int32."""
    blur_weights_M3: Tensor
    """What these rows count: 1, 1/2, 1/2."""


def build_lattice(features_DN: Tensor, dtype: torch.dtype) -> Lattice:
    """Build the lattice around points.

    Which vertices are occupied is decided in float32, operation by operation as in the released
    code; so the result is the same whatever the type of the values.

    Args:
        features_DN: float32 (D, N), in standard deviations.
        dtype: Type of the values that will be filtered.
    """
    num_features, num_pixels = features_DN.shape
    quotients_VN, ranks_VN, barycentric_VN = _surrounding_simplices(features_DN)
    strides = _key_strides(quotients_VN[:-1])
    keys_VN = _vertex_keys(quotients_VN, ranks_VN, strides)
    sorted_keys, order = keys_VN.flatten().sort()
    keys_M, vertex_of_sorted, counts = torch.unique_consecutive(
        sorted_keys, return_inverse=True, return_counts=True
    )
    starts = functional.pad(counts.cumsum(0), (1, 0))
    vertices = torch.empty_like(order).scatter_(0, order, vertex_of_sorted)
    # Corner number c of a simplex is a vertex of remainder c, so a vertex has one remainder.
    remainders_M = order[starts[:-1]] // num_pixels
    blurred_VM3 = _blurred_rows(keys_M, remainders_M, strides)
    pixels = torch.arange(num_pixels, dtype=torch.int32, device=order.device)
    alpha = 1 / (1 + 2.0**-num_features)
    return Lattice(
        vertices_NV=vertices.view(-1, num_pixels).int().t().contiguous(),
        slice_weights_NV=barycentric_VN.t().to(dtype).mul(alpha).contiguous(),
        pixels=pixels.repeat(len(keys_VN))[order],
        starts=starts.int(),
        splat_weights=barycentric_VN.flatten()[order].to(dtype),
        blurred_VM3=blurred_VM3,
        blur_weights_M3=torch.tensor([1, 0.5, 0.5], dtype=dtype, device=order.device)
        .expand(blurred_VM3.shape[1:])
        .contiguous(),
    )


def filter_values(values_NK: Tensor, lattice: Lattice) -> Tensor:
    """Splat values on the lattice, blur them along its axes in turn and slice: (N, K) -> (N, K).

    Differentiable in the values, any number of times. The filter is linear, so that nothing has to
    be remembered for that: its transpose is the same filter with the axes in reverse order.
    """
    return cast(Tensor, _LatticeFilter.apply(values_NK, lattice, False))


class _LatticeFilter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_NK: Tensor, lattice: Lattice, is_transposed: bool) -> Tensor:
        ctx.lattice, ctx.is_transposed = lattice, is_transposed
        values_MK = _weighted_sums(
            values_NK.contiguous(), lattice.pixels, lattice.splat_weights, lattice.starts
        )
        axes = range(len(lattice.blurred_VM3))
        for axis in reversed(axes) if is_transposed else axes:
            values_MK = _weighted_sums(
                values_MK, lattice.blurred_VM3[axis], lattice.blur_weights_M3
            )
        return _weighted_sums(values_MK, lattice.vertices_NV, lattice.slice_weights_NV)

    @staticmethod
    def backward(ctx: Any, gradient_NK: Tensor) -> tuple[Tensor, None, None]:
        turned = _LatticeFilter.apply(gradient_NK, ctx.lattice, not ctx.is_transposed)
        return cast(Tensor, turned), None, None


def _weighted_sums(
    table: Tensor, rows: Tensor, weights: Tensor, starts: Tensor | None = None
) -> Tensor:
    """Sum weighted rows of a table: those of `rows[i]`, or from `starts[i]` to the next start."""
    return functional.embedding_bag(rows, table, starts, mode="sum", per_sample_weights=weights)


def _surrounding_simplices(features_DN: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Find the simplex around each point.

    Every operation rounds by itself and in the order of the released code: sums must not be
    rearranged, nor products fused with them, or points on borders change sides.

    Returns:
        Coordinates of the simplex's corner 0 divided by V (V, N), int64; the rank of each
        coordinate of the point relative to it, 0 the largest (V, N), int64; and barycentric
        coordinates of the point, corner 0 first (V, N).
    """
    elevated_VN = _elevate(features_DN)
    num_axes = len(elevated_VN)
    inverse = torch.tensor(1 / num_axes, dtype=torch.float32).item()
    quotients_VN = (elevated_VN * inverse).round()
    excess_N = quotients_VN.sum(0).to(torch.int8)
    ranks_VN = _ranks(elevated_VN - quotients_VN * num_axes) + excess_N
    # The rounded point lies in the lattice's plane only if the excess is 0: bring it back there.
    wraps_VN = (ranks_VN < 0).to(torch.int8) - (ranks_VN >= num_axes).to(torch.int8)
    ranks = (ranks_VN + wraps_VN * num_axes).long()
    quotients_VN = quotients_VN + wraps_VN
    offsets_VN = (elevated_VN - quotients_VN * num_axes) * inverse
    falling_VN = torch.empty_like(offsets_VN).scatter_(0, ranks, offsets_VN)
    barycentric_VN = torch.empty_like(falling_VN)
    barycentric_VN[0] = falling_VN[-1] + (1 - falling_VN[0])
    barycentric_VN[1:] = (falling_VN[:-1] - falling_VN[1:]).flip(0)
    return quotients_VN.long(), ranks, barycentric_VN


def _elevate(features_DN: Tensor) -> Tensor:
    """Place points in the lattice's plane, where the blur has standard deviation 1 (V, N)."""
    num_features = len(features_DN)
    spread = torch.tensor(math.sqrt(2 / 3) * (num_features + 1), dtype=torch.float32).item()
    scales = [1 / math.sqrt((i + 1) * (i + 2)) * spread for i in range(num_features)]
    scaled_DN = features_DN * torch.tensor(scales, dtype=torch.float32).to(
        features_DN.device
    ).unsqueeze(1)
    elevated_VN = features_DN.new_empty(num_features + 1, features_DN.shape[1])
    total_N = torch.zeros_like(features_DN[0])
    for axis in range(num_features, 0, -1):
        elevated_VN[axis] = total_N - scaled_DN[axis - 1] * axis
        total_N = total_N + scaled_DN[axis - 1]
    elevated_VN[0] = total_N
    return elevated_VN


def _ranks(values_VN: Tensor) -> Tensor:
    """Rank the rows at each column, the largest value first, ties in the order of rows, int8."""
    ranks_VN = torch.zeros_like(values_VN, dtype=torch.int8)
    for row in range(len(values_VN)):
        for later in range(row + 1, len(values_VN)):
            is_less_N = values_VN[row] < values_VN[later]
            ranks_VN[row] += is_less_N
            ranks_VN[later] += ~is_less_N
    return ranks_VN


def _key_strides(quotients_DN: Tensor) -> Tensor:
    """Choose what each coordinate counts in the number that names a vertex, (V,) int64.

    The last coordinate follows from the others and counts nothing. If the others do not fit into 63
    bits (many channels, small deviations), random factors make the number a hash, with overflow:
    among a million vertices one is then taken for another with a probability below 10^-5.
    """
    num_axes = len(quotients_DN) + 1
    # Corners lie up to one below the quotients; neighbours of corners one further out, both ways.
    extents = (quotients_DN.amax(1) - quotients_DN.amin(1) + 4).tolist()
    strides = [math.prod(extents[axis + 1 :]) for axis in range(len(extents))]
    if num_axes * math.prod(extents) >= 2**63:
        generator = random.Random(0)
        strides = [generator.getrandbits(63) for _ in extents]
    return torch.tensor([*strides, 0], device=quotients_DN.device) * num_axes


def _vertex_keys(quotients_VN: Tensor, ranks_VN: Tensor, strides: Tensor) -> Tensor:
    """Name the corners of simplices by one number each, (V, N) int64.

    Corner c has remainder c: all its coordinates are c modulo V. Going from corner c - 1 to c, the
    coordinate of rank V - c falls back by V.
    """
    falls_VN = torch.empty_like(ranks_VN).scatter_(
        0, ranks_VN, strides.unsqueeze(1).expand_as(ranks_VN)
    )
    keys_VN = torch.empty_like(ranks_VN)
    lowest_V = quotients_VN.amin(1)
    keys_VN[0] = 0
    for axis in range(len(strides) - 1):
        keys_VN[0] += (quotients_VN[axis] - lowest_V[axis] + 2) * strides[axis]
    for corner in range(1, len(strides)):
        keys_VN[corner] = keys_VN[corner - 1] - falls_VN[-corner] + 1
    return keys_VN


def _blurred_rows(keys_M: Tensor, remainders_M: Tensor, strides: Tensor) -> Tensor:
    """List for each axis the rows that a vertex is blurred from, (V, M + 1, 3) int32.

    The neighbour along axis j has coordinate j larger by D and all others smaller by 1: its
    quotients are the same but the j-th, one higher; unless the remainder is 0, when it becomes D
    and all quotients but the j-th are one lower.
    """
    num_axes, num_vertices = len(strides), len(keys_M)
    rows = torch.arange(num_vertices + 1, device=keys_M.device)
    wraps_M = torch.where(remainders_M == 0, num_axes - strides.sum(), 0)
    blurred_VM3 = torch.empty(
        (num_axes, num_vertices + 1, 3), dtype=torch.int32, device=keys_M.device
    )
    for axis in range(num_axes):
        wanted_M = keys_M + (strides[axis] - 1) + wraps_M
        found_M = torch.searchsorted(keys_M, wanted_M).clamp_max_(num_vertices - 1)
        is_there_M = keys_M[found_M] == wanted_M
        above = torch.full_like(rows, num_vertices)
        above[:-1] = torch.where(is_there_M, found_M, num_vertices)
        below = torch.full_like(rows, num_vertices)
        below[above] = rows
        below[-1] = num_vertices
        blurred_VM3[axis] = torch.stack((rows, above, below), dim=1)
    return blurred_VM3
