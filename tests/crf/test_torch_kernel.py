import pytest
import torch
from torch import Tensor

from deeplab.crf import Bilateral, Spatial
from deeplab.crf.engine import Normalization
from deeplab.crf.torch_kernel import TorchKernel, build_kernel, spatial_kernel

TERMS = (Bilateral(1, (5, 3), (20, 30, 10)), Spatial(1, (2, 3)))


def _picture(height: int = 9, width: int = 7) -> Tensor:
    torch.manual_seed(0)
    return torch.randint(0, 60, (3, height, width), dtype=torch.uint8)


def _matrix(kernel: TorchKernel) -> Tensor:
    num_pixels = len(kernel.lattice.vertices_NV)
    return kernel.receive_scale * kernel.filter(torch.eye(num_pixels, dtype=torch.float64))


def _build(term: Bilateral | Spatial, normalization: Normalization) -> Tensor:
    return _matrix(build_kernel(term, _picture(), normalization, torch.float64))


@pytest.mark.parametrize("term", TERMS)
def test_normalized_after_a_constant_stays_what_it_is(term: Bilateral | Spatial) -> None:
    sums = _build(term, "after").sum(1)
    torch.testing.assert_close(sums, torch.ones_like(sums))


@pytest.mark.parametrize("term", TERMS)
def test_the_normalizations_are_scalings_of_one_another(term: Bilateral | Spatial) -> None:
    kernels = {kind: _build(term, kind) for kind in ("after", "before", "symmetric", "none")}
    sums = kernels["none"].sum(1, keepdim=True)
    torch.testing.assert_close(sums.mean(), torch.ones_like(sums.mean()))
    torch.testing.assert_close(kernels["after"], kernels["none"] / sums)
    torch.testing.assert_close(kernels["before"], kernels["none"] / sums.T)
    roots = sums.sqrt()
    torch.testing.assert_close(kernels["symmetric"], kernels["none"] / roots / roots.T)


def test_pixels_of_other_colours_weigh_less_in_a_bilateral_kernel_only() -> None:
    picture = torch.zeros(3, 1, 3, dtype=torch.uint8)
    picture[:, :, 2] = 30
    bilateral, spatial = (
        _matrix(build_kernel(term, picture, "after", torch.float64)) for term in TERMS
    )
    assert bilateral[1, 2] < bilateral[1, 0] / 2
    # Not equal: the lattice treats a place according to where it lies between its vertices.
    assert spatial[1, 2] > spatial[1, 0] / 2


def test_deviations_are_of_x_first_then_of_y() -> None:
    matrix = _matrix(
        build_kernel(Spatial(1, (8, 0.5)), _picture(3, 3), "after", torch.float64)
    ).view(3, 3, 3, 3)
    towards_row, towards_column = matrix[1, 1, 1, 0], matrix[1, 1, 0, 1]
    assert towards_row > 5 * towards_column


def test_spatial_kernels_are_kept_for_pictures_of_the_same_size_and_type() -> None:
    spatial_kernel.cache_clear()
    term = TERMS[1]
    kernel = build_kernel(term, _picture(), "after", torch.float32)
    assert build_kernel(term, 255 - _picture(), "after", torch.float32) is kernel
    for other in (
        build_kernel(term, _picture(7, 9), "after", torch.float32),
        build_kernel(term, _picture(), "symmetric", torch.float32),
        build_kernel(term, _picture(), "after", torch.float64),
    ):
        assert other is not kernel
