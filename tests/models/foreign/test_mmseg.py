import pytest
from tests.models.foreign import reference

from deeplab.models import load_checkpoint
from deeplab.preprocessing import IMAGENET_STATISTICS


def checkpoint(weights, filters):
    tensors = reference.named(weights, reference.torchvision_naming)
    tensors = {f"backbone.{name}": value for name, value in tensors.items()}
    for place, (weight, bias) in enumerate(filters):
        start = f"decode_head.aspp_modules.{place}.conv"
        tensors |= {f"{start}.weight": weight, f"{start}.bias": bias}
    return tensors


@pytest.mark.parametrize(
    ("deep_stem", "rates", "backbone"),
    [(True, (6, 12), "resnet50-v1c"), (False, (6, 12, 18, 24), "resnet50-torchvision")],
)
def test_dlv2_heads_score_as_mmseg_does(saved, deep_stem, rates, backbone):
    weights = reference.random_weights(deep_stem=deep_stem)
    filters = reference.random_filters(len(rates), 19)
    loaded = load_checkpoint(saved({"meta": {}, "state_dict": checkpoint(weights, filters)}))
    pictures = reference.picture(49, 34)
    features = reference.features(weights, pictures, stride_first=False, ceil_mode=False)
    reference.assert_same(loaded.network(pictures), reference.aspp(features, filters, rates))
    assert loaded.config.backbone == backbone
    assert loaded.card.preprocessing == IMAGENET_STATISTICS


def test_of_a_domain_adaptation_the_network_itself_is_taken(resnet, saved):
    filters = reference.random_filters(2, 19)
    tensors = checkpoint(resnet, filters)
    average = checkpoint(resnet, reference.random_filters(2, 19, seed=9))
    both = {f"model.{name}": value for name, value in tensors.items()}
    both |= {f"ema_model.{name}": value for name, value in average.items()}
    loaded = load_checkpoint(saved({"state_dict": both}))
    pictures = reference.picture(33, 33)
    features = reference.features(resnet, pictures, stride_first=False, ceil_mode=False)
    reference.assert_same(loaded.network(pictures), reference.aspp(features, filters, (6, 12)))


def test_mmsegs_deeplab_v3_is_not_taken_for_v2(resnet, saved):
    tensors = checkpoint(resnet, reference.random_filters(4, 19))
    tensors["decode_head.bottleneck.conv.weight"] = tensors["backbone.conv1.weight"]
    with pytest.raises(ValueError, match="layout that is not known"):
        load_checkpoint(saved(tensors))


def test_branches_whose_rates_nobody_published_are_not_guessed_at(resnet, saved):
    path = saved(checkpoint(resnet, reference.random_filters(3, 19)))
    with pytest.raises(ValueError, match="DLV2Head of 3 branches"):
        load_checkpoint(path)
