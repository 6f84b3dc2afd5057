import pytest
import torch

from deeplab.models.foreign.layouts import LAYOUTS, find_layout, first_names


def test_names_of_no_layout_are_shown_beside_all_layouts_that_are_known():
    tensors = {f"encoder.{number}": torch.zeros(1) for number in range(7)}
    with pytest.raises(ValueError, match=r"encoder\.0, .*encoder\.4, \.\.\. \(7 in all\)") as error:
        find_layout(tensors)
    assert all(name in str(error.value) for name in LAYOUTS)


def test_a_layout_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match=r"unknown layout 'kazuto': known are .*kazuto1011"):
        find_layout({}, "kazuto")


def test_a_file_of_two_networks_fits_several_layouts_and_is_not_guessed_at():
    names = ("base.layer1.conv1.conv.weight", "Scale.conv1.weight")
    with pytest.raises(ValueError, match=r"several layouts \(kazuto1011-msc, isht7\)"):
        find_layout({name: torch.zeros(1) for name in names})


def test_few_names_are_shown_whole():
    assert first_names(["a", "b"]) == "a, b"
