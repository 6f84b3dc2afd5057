import pytest
import torch
from torch import nn

from deeplab.export import export_network
from deeplab.export.pools import without_rounding_up
from deeplab.labels import VOC12
from deeplab.models import ASPP, DeepLab
from deeplab.models.multi_scale import MultiScale
from deeplab.preprocessing import CAFFE_VOC
from deeplab.weights import NetworkCard


@pytest.mark.parametrize("stride", [1, 2])
def test_pools_that_round_down_give_the_same_at_every_size(stride):
    torch.manual_seed(0)
    network = nn.Sequential(nn.MaxPool2d(3, stride, 1, ceil_mode=True))
    rewritten = without_rounding_up(network)
    for height in range(3, 12):
        values = torch.randn(1, 2, height, 14 - height) - 5
        assert torch.equal(rewritten(values), network(values))
    assert isinstance(network[0], nn.MaxPool2d)


def test_pools_whose_last_window_may_begin_outside_stay():
    network = nn.Sequential(nn.MaxPool2d(3, 3, 1, ceil_mode=True))
    assert isinstance(without_rounding_up(network)[0], nn.MaxPool2d)


def test_a_network_of_several_scales_and_caffes_pool_is_exported_for_every_size(tmp_path):
    torch.manual_seed(0)
    backbone = nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.Conv2d(8, 8, 1, stride=2),
    )
    network = DeepLab(
        backbone=backbone,
        head=ASPP(8, 21, rates=(1, 2)),
        preprocessing=CAFFE_VOC,
        output_stride=8,
        multi_scale=MultiScale((1.0, 0.75)),
    )
    card = NetworkCard("scales", VOC12.class_names, VOC12.palette, 8, "", {})
    source = torch.Generator().manual_seed(0)
    sizes = [(64, 96), (200, 230)]
    pictures = [
        torch.randint(0, 256, (*size, 3), generator=source, dtype=torch.uint8).numpy()
        for size in sizes
    ]
    agreement = export_network(network.eval(), card, tmp_path / "scales.onnx", pictures=pictures)
    assert agreement.num_sizes > len(sizes)
    assert agreement.largest_difference < 1e-4
