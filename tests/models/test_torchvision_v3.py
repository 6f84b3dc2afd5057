import pytest
import torch
from torch import nn
from torchvision.models import segmentation

from deeplab.models import ModelConfig, TorchvisionV3Config, build, is_of_classes


def config(backbone, output_stride, **settings):
    return ModelConfig(
        backbone=backbone,
        output_stride=output_stride,
        head=TorchvisionV3Config(),
        init="random",
        **settings,
    )


def test_the_network_has_torchvisions_parameters_without_the_auxiliary_classifier():
    theirs = segmentation.deeplabv3_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=5, aux_loss=False
    )
    ours = build(config("torchvision/mobilenet_v3_large", 16, num_classes=5))

    def shapes(network: nn.Module):
        return sorted(tuple(value.shape) for value in network.state_dict().values())

    assert shapes(ours) == shapes(theirs)


def test_its_last_layer_is_known_as_the_one_of_classes():
    network = build(config("torchvision/mobilenet_v3_large", 16, num_classes=5))
    of_classes = {name for name, _ in network.named_parameters() if is_of_classes(name)}
    assert of_classes == {"head.4.weight", "head.4.bias"}
    assert torch.Size([5]) in {network.state_dict()[name].shape for name in of_classes}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (config("torchvision/resnet50", 16), "torchvision/resnet50 has 8"),
        (config("torchvision/mobilenet_v3_large", 8), "has 16"),
        (config("torchvision/mobilenet_v3_large", 16, in_channels=4), "three bands"),
    ],
)
def test_what_torchvision_does_not_have_is_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        build(settings)
