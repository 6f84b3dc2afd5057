import pytest
import torch
from torch import nn

from deeplab.models.foreign.strict import load_strictly


def network():
    torch.manual_seed(0)
    parts = nn.ModuleDict(
        {
            "backbone": nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)),
            "head": nn.Conv2d(4, 2, 1),
        }
    )
    return parts.eval()


def other_weights():
    state = network().state_dict()
    return {n: v + 1 if v.is_floating_point() else v for n, v in state.items()}


def test_weights_that_fit_are_loaded_without_the_counters_that_old_files_lack():
    filled, weights = network(), other_weights()
    del weights["backbone.1.num_batches_tracked"]
    load_strictly(filled, weights)
    assert all(torch.equal(filled.state_dict()[name], value) for name, value in weights.items())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_widths_of_floats_become_32_bits(dtype):
    filled, weights = network(), other_weights()
    weights["head.weight"] = weights["head.weight"].to(dtype)
    load_strictly(filled, weights)
    assert filled["head"].weight.dtype == torch.float32
    assert torch.equal(filled["head"].weight, weights["head.weight"].float())


def test_one_message_says_all_that_does_not_fit_and_nothing_is_loaded():
    filled, weights = network(), other_weights()
    before = {name: value.clone() for name, value in filled.state_dict().items()}
    del weights["backbone.0.bias"]
    weights["extra.weight"] = torch.zeros(1)
    weights["head.weight"] = torch.zeros(5, 4, 1, 1)
    with pytest.raises(ValueError, match="do not fit") as error:
        load_strictly(filled, weights)
    assert "1 missing: backbone.0.bias; 1 spare: extra.weight; 1 of another shape" in str(
        error.value
    )
    assert "head.weight (5, 4, 1, 1) where the network has (2, 4, 1, 1)" in str(error.value)
    assert all(torch.equal(before[name], value) for name, value in filled.state_dict().items())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(2, dtype=torch.int32), r"1 not of floats: head\.bias \(int32\)"),
        (torch.zeros(2, dtype=torch.complex64), r"not of floats: head\.bias \(complex64\)"),
        (torch.tensor([0.0, torch.nan]), r"1 not finite: head\.bias"),
        (torch.tensor([1e300, 0], dtype=torch.float64), r"1 not finite: head\.bias"),
    ],
)
def test_values_that_are_no_weights_are_refused(value, words):
    with pytest.raises(ValueError, match=words):
        load_strictly(network(), other_weights() | {"head.bias": value})


def test_a_file_without_any_last_layer_leaves_the_networks_own():
    filled, weights = network(), other_weights()
    before = filled["head"].weight.clone()
    load_strictly(filled, {n: v for n, v in weights.items() if n.startswith("backbone.")})
    assert torch.equal(filled["head"].weight, before)
