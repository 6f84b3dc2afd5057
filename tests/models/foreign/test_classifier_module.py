import pytest
import torch
from tests.models.foreign import reference

from deeplab.labels import CITYSCAPES
from deeplab.models import ASPPConfig, load_checkpoint

_RATES = (6, 12, 18, 24)


def classifier(layer, filters):
    return {
        f"{layer}.conv2d_list.{place}.{kind}": value
        for place, pair in enumerate(filters)
        for kind, value in zip(("weight", "bias"), pair, strict=True)
    }


def never_learnt(filters):
    """Put the last two branches back to what they begin as."""
    source = torch.Generator().manual_seed(3)
    noise = [(torch.randn(w.shape, generator=source) * 0.01, b) for w, b in filters[2:]]
    return filters[:2] + noise


def scores_of(loaded, resnet, filters, rates):
    pictures = reference.picture(34, 49)
    theirs = reference.aspp(reference.features(resnet, pictures), filters, rates)
    reference.assert_same(loaded.network(pictures), theirs)


def test_speedinghzl_adds_four_branches(resnet, saved):
    filters = reference.random_filters(4, 21)
    tensors = reference.named(resnet, reference.torchvision_naming)
    loaded = load_checkpoint(saved(tensors | classifier("layer5", filters)))
    assert loaded.card.provenance["layout"] == "speedinghzl"
    scores_of(loaded, resnet, filters, _RATES)


def test_adaptsegnet_adds_the_two_branches_that_learnt(resnet, saved):
    filters = never_learnt(reference.random_filters(4, 19))
    tensors = reference.named(resnet, reference.torchvision_naming)
    loaded = load_checkpoint(saved(tensors | classifier("layer5", filters)))
    assert loaded.card.provenance["layout"] == "adaptsegnet"
    assert loaded.config.head == ASPPConfig(rates=(6, 12))
    scores_of(loaded, resnet, filters[:2], (6, 12))


@pytest.mark.parametrize("wrap", [dict, lambda tensors: {"state_dict": tensors, "epoch": 3}])
def test_of_two_levels_the_last_counts_however_the_file_is_wrapped(resnet, saved, wrap):
    filters = never_learnt(reference.random_filters(4, 19))
    others = reference.random_filters(4, 19, channels=1024, seed=5)
    tensors = reference.named(resnet, reference.torchvision_naming)
    tensors |= classifier("layer5", others) | classifier("layer6", filters)
    wrapped = wrap({f"module.{name}": value for name, value in tensors.items()})
    loaded = load_checkpoint(saved(wrapped))
    scores_of(loaded, resnet, filters[:2], (6, 12))
    assert loaded.card.class_names == CITYSCAPES.class_names
    assert loaded.card.provenance["left out"].startswith("12 tensors")


def test_two_levels_whose_branches_all_learnt_are_advent(resnet, saved):
    filters = reference.random_filters(4, 19)
    tensors = reference.named(resnet, reference.torchvision_naming)
    loaded = load_checkpoint(saved(tensors | classifier("layer6", filters)))
    assert loaded.card.provenance["layout"] == "advent"
    scores_of(loaded, resnet, filters, _RATES)


def test_a_layout_can_be_named_against_what_the_weights_look_like(resnet, saved):
    filters = reference.random_filters(4, 19)
    tensors = reference.named(resnet, reference.torchvision_naming)
    path = saved(tensors | classifier("layer5", filters))
    scores_of(load_checkpoint(path, layout="adaptsegnet"), resnet, filters[:2], (6, 12))


def test_a_classifier_of_three_branches_is_not_guessed_at(resnet, saved):
    tensors = reference.named(resnet, reference.torchvision_naming)
    path = saved(tensors | classifier("layer5", reference.random_filters(3, 21)))
    with pytest.raises(ValueError, match="3 branches; known are the rates of four"):
        load_checkpoint(path)
