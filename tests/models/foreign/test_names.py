import pytest
import torch

from deeplab.models.foreign.names import below, depth_of, num_rows, rename

ONE = torch.zeros(4, 2)


def test_names_that_no_rule_knows_stay_so_that_they_are_found_later():
    assert list(rename({"a.1": ONE, "b": ONE}, [(r"a\.(\d)", r"c.\1")])) == ["c.1", "b"]


def test_two_tensors_never_get_one_name():
    with pytest.raises(ValueError, match="'b' is there twice"):
        rename({"a": ONE, "b": ONE}, [("a|b", "c")])


def test_a_prefix_is_taken_off_and_others_are_left_out():
    assert list(below({"x.a": ONE, "y.a": ONE}, "x.")) == ["a"]


def test_a_resnets_depth_is_told_by_its_blocks():
    names = [f"layer3.{block}.conv1.weight" for block in range(23)]
    assert depth_of(dict.fromkeys(names, ONE)) == 101
    assert depth_of(dict.fromkeys(names[:6], ONE)) == 50


def test_rows_are_those_of_a_tensor_that_is_there():
    assert num_rows({"fc": ONE}, "fc") == 4
    assert num_rows({"fc": ONE}, "aspp") is None
