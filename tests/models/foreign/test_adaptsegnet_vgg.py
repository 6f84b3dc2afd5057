"""Against the network as its authors write it: torchvision's VGG-16 with layers taken out."""

import pytest
import torch
from tests.models.foreign import reference
from torch import nn
from torchvision.models import vgg16

from deeplab.labels import CITYSCAPES
from deeplab.models import load_checkpoint
from deeplab.models.vgg_two_pools_less import VGG16TwoPoolsLess


class TheirNetwork(nn.Module):
    """`DeeplabVGG` of their `model/deeplab_vgg.py`."""

    def __init__(self, num_classes):
        super().__init__()
        plain = list(vgg16(weights=None).features)
        layers = [*plain[:23], *plain[24:30]]
        for place in (23, 25, 27):
            layers[place].dilation = layers[place].padding = (2, 2)
        fc6 = nn.Conv2d(512, 1024, 3, padding=4, dilation=4)
        fc7 = nn.Conv2d(1024, 1024, 3, padding=4, dilation=4)
        self.features = nn.Sequential(*layers, fc6, nn.ReLU(), fc7, nn.ReLU())
        self.classifier = nn.Module()
        self.classifier.conv2d_list = nn.ModuleList(
            nn.Conv2d(1024, num_classes, 3, padding=rate, dilation=rate) for rate in (6, 12, 18, 24)
        )

    def forward(self, pictures):
        features = self.features(pictures)
        return sum(branch(features) for branch in self.classifier.conv2d_list)


def test_it_scores_as_at_home(saved):
    torch.manual_seed(0)
    theirs = TheirNetwork(19).eval()
    loaded = load_checkpoint(saved(theirs.state_dict()))
    assert loaded.card.provenance["layout"] == "adaptsegnet-vgg"
    assert loaded.card.class_names == CITYSCAPES.class_names
    pictures = reference.picture(34, 49)
    with torch.no_grad():
        reference.assert_same(loaded.network(pictures), theirs(pictures))


def test_it_has_one_output_stride():
    with pytest.raises(ValueError, match="output_stride=16: vgg16-adaptsegnet has 8"):
        VGG16TwoPoolsLess(16)
