import pytest
import torch
import torchvision
from tests.models.foreign import reference
from torch.nn import functional

from deeplab.models import load_checkpoint
from deeplab.preprocessing import CAFFE_VOC, IMAGENET_STATISTICS


def with_fc(resnet):
    ((weight, bias),) = reference.random_filters(1, 1000, size=1)
    tensors = reference.named(resnet, reference.torchvision_naming)
    return tensors | {"fc.weight": weight[:, :, 0, 0], "fc.bias": bias}, weight, bias


def test_torchvisions_resnet_scores_every_position_with_its_last_layer(resnet, saved):
    tensors, weight, bias = with_fc(resnet)
    theirs = torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True]).eval()
    theirs.load_state_dict(tensors)
    body = torch.nn.Sequential(*list(theirs.children())[:-2])
    pictures = reference.picture(47, 66)
    loaded = load_checkpoint(saved(theirs.state_dict()))
    wanted = functional.conv2d(body(pictures), weight, bias)
    reference.assert_same(loaded.network(pictures), wanted)
    assert loaded.card.provenance["layout"] == "torchvision-resnet"
    assert loaded.card.preprocessing == IMAGENET_STATISTICS
    assert loaded.card.class_names[-1] == "class 999"


def test_the_same_names_are_hes_network_if_one_says_so(resnet, saved):
    tensors, weight, bias = with_fc(resnet)
    loaded = load_checkpoint(saved(tensors), layout="msra-resnet")
    pictures = reference.picture(33, 41)
    wanted = functional.conv2d(reference.features(resnet, pictures), weight, bias)
    reference.assert_same(loaded.network(pictures), wanted)
    assert loaded.card.preprocessing == CAFFE_VOC


def test_a_resnet_without_a_last_layer_is_loaded_and_the_card_says_so(resnet, saved):
    weights = reference.random_weights(deep_stem=True)
    loaded = load_checkpoint(saved(reference.named(weights, reference.torchvision_naming)))
    pictures = reference.picture(33, 41)
    wanted = reference.features(weights, pictures, stride_first=False, ceil_mode=False)
    reference.assert_same(loaded.network.backbone(pictures), wanted)
    assert loaded.config.backbone == "resnet50-v1c"
    assert "random" in loaded.card.provenance["head"]


def test_a_depth_that_we_do_not_have_is_named(resnet, saved):
    tensors = reference.named(resnet, reference.torchvision_naming)
    kept = {name: value for name, value in tensors.items() if not name.startswith("layer3.5.")}
    with pytest.raises(ValueError, match=r"theirs\.pth: a ResNet of 5 blocks .* 6 .* and 23"):
        load_checkpoint(saved(kept))
