"""The CRF's Gaussian kernels of one picture, as normalised filters in torch.

No gradients flow through them to the picture. Shape suffixes: N = H W pixels, row by row, D
features, K channels of the values.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from deeplab.crf.engine import Normalization
from deeplab.crf.parameters import Bilateral, Spatial
from deeplab.crf.torch_lattice import Lattice, build_lattice, filter_values

_TINY = 1e-20  # as in the released code, so that a sum of weights that vanishes divides nothing


@dataclass(frozen=True, eq=False)
class TorchKernel:
    """A Gaussian kernel of one picture, and the scales that normalise it."""

    lattice: Lattice
    send_scale: Tensor | None
    """What a pixel's values are multiplied by before filtering, (N, 1)."""
    receive_scale: Tensor
    """What they have to be multiplied by after it, (N, 1) or (1, 1)."""

    def filter(self, values_NK: Tensor) -> Tensor:
        """Filter values; multiplying by `receive_scale` is left to whoever adds the result up."""
        if self.send_scale is not None:
            values_NK = values_NK * self.send_scale
        return filter_values(values_NK, self.lattice)


def build_kernel(
    term: Bilateral | Spatial, picture: Tensor, normalization: Normalization, dtype: torch.dtype
) -> TorchKernel:
    """Build the kernel of a term for a picture.

    Args:
        term: Its weight is not looked at.
        picture: (C, H, W), 0..255.
        normalization: As of `DenseCRF`.
        dtype: Type of the values that will be filtered.
    """
    deviations = term.deviations(len(picture))
    size = (picture.shape[1], picture.shape[2])
    if isinstance(term, Spatial):
        return spatial_kernel(size, deviations, normalization, dtype, picture.device)
    # What is made in inference mode could not be used for training.
    with torch.inference_mode(False), torch.no_grad():
        planes = [*_places(*size, picture.device), *picture.float()]
        return _normalized_kernel(planes, deviations, normalization, dtype)


@lru_cache(maxsize=4)
def spatial_kernel(
    size: tuple[int, int],
    deviations: tuple[float, ...],
    normalization: Normalization,
    dtype: torch.dtype,
    device: torch.device,
) -> TorchKernel:
    """Build a kernel of places only, for pictures of a size (H, W).

    The last four are kept and used again; `spatial_kernel.cache_clear()` lets go of them.
    """
    with torch.inference_mode(False), torch.no_grad():
        return _normalized_kernel(_places(*size, device), deviations, normalization, dtype)


def _places(height: int, width: int, device: torch.device) -> list[Tensor]:
    """Make the planes of x and of y, (H, W) each."""
    x = torch.arange(width, dtype=torch.float32, device=device)
    y = torch.arange(height, dtype=torch.float32, device=device)
    return [x.expand(height, width), y.unsqueeze(1).expand(height, width)]


def _normalized_kernel(
    planes: Sequence[Tensor],
    deviations: Sequence[float],
    normalization: Normalization,
    dtype: torch.dtype,
) -> TorchKernel:
    features_DN = torch.stack(list(planes)).flatten(1)
    # By a tensor on the device: dividing by a plain number, CUDA multiplies with its inverse.
    deviations_D1 = torch.tensor(deviations, dtype=torch.float32).to(features_DN.device)[:, None]
    lattice = build_lattice(features_DN / deviations_D1, dtype)
    ones_N1 = features_DN.new_ones(features_DN.shape[1], 1, dtype=dtype)
    sums_N1 = filter_values(ones_N1, lattice)
    if normalization == "none":
        return TorchKernel(lattice, None, 1 / sums_N1.mean(0, keepdim=True))
    if normalization == "symmetric":
        scale_N1 = 1 / (sums_N1 + _TINY).sqrt()
        return TorchKernel(lattice, scale_N1, scale_N1)
    scale_N1 = 1 / (sums_N1 + _TINY)
    if normalization == "before":
        return TorchKernel(lattice, scale_N1, ones_N1[:1])
    return TorchKernel(lattice, None, scale_N1)
