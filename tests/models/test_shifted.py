import pytest
import torch
from torch import Tensor
from torch.nn import functional

from deeplab.models.shifted import sum_of_spread

RATES = (2, 3, 6)


def plain(
    features: Tensor, filters: list[Tensor], biases: list[Tensor], rates: tuple[int, ...]
) -> Tensor:
    triples = zip(filters, biases, rates, strict=True)
    return sum(
        functional.conv2d(features, one, bias, padding=rate, dilation=rate)
        for one, bias, rate in triples
    )


def inputs(size: tuple[int, int], dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Features of 5 channels, then filters of 4 classes, then biases."""
    draw = torch.Generator().manual_seed(0)
    shapes = [(2, 5, *size), *[(4, 5, 3, 3)] * len(RATES), *[(4,)] * len(RATES)]
    drawn = [torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes]
    return [one.to(dtype).requires_grad_() for one in drawn]


def scores_and_gradients(form, tensors: list[Tensor]) -> list[Tensor]:
    features, filters, biases = tensors[0], tensors[1:4], tensors[4:]
    scores = form(features, filters, biases, RATES)
    weight = torch.linspace(-1, 1, scores.numel(), dtype=scores.dtype).view(scores.shape)
    gradients = torch.autograd.grad((scores * weight).sum(), tensors, allow_unused=True)
    return [scores, *(torch.zeros(()) if one is None else one for one in gradients)]


@pytest.mark.parametrize("size", [(13, 17), (6, 7), (5, 20), (4, 2), (1, 1)])
def test_scores_and_gradients_are_those_of_the_sum_of_convolutions(size):
    found = scores_and_gradients(sum_of_spread, inputs(size))
    expected = scores_and_gradients(plain, inputs(size))
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)  # float64 sums


def test_gradients_of_two_passes_add_up():
    tensors, once = inputs((5, 20)), inputs((5, 20))
    for leaves, passes in ((tensors, 2), (once, 1)):
        for _ in range(passes):
            sum_of_spread(leaves[0], leaves[1:4], leaves[4:], RATES).square().sum().backward()
    for two, one in zip(tensors, once, strict=True):
        torch.testing.assert_close(two.grad, 2 * one.grad)


def test_the_order_in_memory_makes_no_difference():
    features, *rest = inputs((13, 17))
    other = features.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    found = scores_and_gradients(sum_of_spread, [other, *rest])
    torch.testing.assert_close(found, scores_and_gradients(plain, [features, *rest]))


def test_taps_that_fall_together_are_added():
    features, *filters = inputs((9, 8))[:3]
    biases = inputs((9, 8))[4:6]
    found = sum_of_spread(features, filters, biases, (2, 2))
    torch.testing.assert_close(found, plain(features, filters, biases, (2, 2)))


def test_bfloat16_is_as_near_to_the_truth_as_its_taps():
    found = scores_and_gradients(sum_of_spread, inputs((13, 17), torch.bfloat16))
    truth = scores_and_gradients(plain, inputs((13, 17)))
    assert found[0].dtype == torch.bfloat16
    for one, exact in zip(found, truth, strict=True):
        # 27 taps, each rounded to 8 bits, inputs too
        assert (one.double() - exact).abs().max() < 0.02 * exact.abs().max()


def test_autocast_gives_scores_of_its_type():
    features, *rest = inputs((9, 8), torch.float32)
    with torch.autocast("cpu", torch.bfloat16):
        scores = sum_of_spread(features, rest[:3], rest[3:], RATES)
    assert scores.dtype == torch.bfloat16
