"""Multi-scale inputs against the Interp layer (interp_layer.cpp), written out here."""

import numpy as np
import pytest
import torch

from deeplab.models import MultiScale
from deeplab.models.multi_scale import scaled_size


def interp_size(length: int, *, shrink: int = 1, zoom: int = 1) -> int:
    """Size after a layer with shrink_factor and zoom_factor."""
    shrunk = (length - 1) // shrink + 1
    return shrunk + (shrunk - 1) * (zoom - 1)


def interp(values: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear values at src = dst * (in - 1) / (out - 1), pixel by pixel."""
    made = np.zeros((*values.shape[:-2], height, width))
    for row in range(height):
        y = row * (values.shape[-2] - 1) / max(height - 1, 1)
        top = min(int(y), values.shape[-2] - 1)
        below = min(top + 1, values.shape[-2] - 1)
        for column in range(width):
            x = column * (values.shape[-1] - 1) / max(width - 1, 1)
            left = min(int(x), values.shape[-1] - 1)
            right = min(left + 1, values.shape[-1] - 1)
            made[..., row, column] = (1 - (y - top)) * (
                (1 - (x - left)) * values[..., top, left] + (x - left) * values[..., top, right]
            ) + (y - top) * (
                (1 - (x - left)) * values[..., below, left] + (x - left) * values[..., below, right]
            )
    return made


@pytest.mark.parametrize("length", [321, 513, 320, 322, 97, 33, 2, 1])
def test_sizes_are_those_of_the_interp_layer(length):
    assert scaled_size(length, 0.5) == interp_size(length, shrink=2)
    assert scaled_size(length, 0.75) == interp_size(length, shrink=4, zoom=3)
    assert scaled_size(length, 1.25) == interp_size(length, shrink=4, zoom=5)


def test_published_sizes():
    assert [scaled_size(size, scale) for size in (321, 513) for scale in (0.5, 0.75)] == [
        161,
        241,
        257,
        385,
    ]


def stride_8(pictures: torch.Tensor) -> torch.Tensor:
    """A network: every eighth pixel."""
    return pictures[..., ::8, ::8]


@pytest.mark.parametrize("size", [(33, 49), (34, 44)])
def test_the_largest_score_of_all_scales_counts(size):
    torch.manual_seed(0)
    picture = torch.randn(1, 2, *size, dtype=torch.float64)
    multi_scale = MultiScale()
    scores = multi_scale.score(stride_8, picture)
    wanted = picture[..., ::8, ::8].numpy()
    for scores_at, scale in zip(scores, (1, 0.75, 0.5), strict=True):
        if scale != 1:
            small = interp(picture.numpy(), *(scaled_size(length, scale) for length in size))
            np.testing.assert_allclose(scores_at, small[..., ::8, ::8], atol=1e-12)
            wanted = np.maximum(wanted, interp(small[..., ::8, ::8], *wanted.shape[-2:]))
    np.testing.assert_allclose(multi_scale.fuse(scores), wanted, atol=1e-12)


def test_scores_of_a_ramp_are_the_same_at_every_scale():
    # a network that copies a linear picture: corners stay corners, so nothing may shift
    picture = torch.arange(33.0).expand(1, 1, 33, 33)
    scores = MultiScale().score(stride_8, picture)
    assert scores[1].flatten()[-1] == 32  # 25 pixels, the last score on the last pixel
    torch.testing.assert_close(MultiScale().fuse(scores), stride_8(picture))


def test_any_set_of_scales():
    picture = torch.randn(1, 1, 33, 33)
    scores = MultiScale((1, 0.5, 0.25, 1.25)).score(stride_8, picture)
    assert [one.shape[-1] for one in scores] == [5, 3, 2, 6]


def test_half_pixel_resizing_is_that_of_kazuto1011():
    picture = torch.randn(1, 1, 34, 34)
    shapes = [one.shape[-1] for one in MultiScale(resizing="half_pixel").score(stride_8, picture)]
    assert shapes == [5, 4, 3]  # of 34, 25 and 17 pixels
    sizes = [scaled_size(321, scale, "past_the_end") for scale in (0.75, 0.5)]
    assert sizes == [241, 161]
    assert scaled_size(320, 0.75, "past_the_end") == 241  # where Interp has 238
