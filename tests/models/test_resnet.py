"""The ResNets against their table in the released prototxt (deeplab_ResNet101)."""

import pytest
import torch
from torch import nn
from torchvision.models import resnet50
from torchvision.models._utils import IntermediateLayerGetter

from deeplab.models import ResNet
from deeplab.models.normed import NormedConv2d


def convs(network: nn.Module) -> dict[str, NormedConv2d]:
    return {
        name: module for name, module in network.named_modules() if isinstance(module, NormedConv2d)
    }


@pytest.fixture(scope="module")
def published() -> dict[str, NormedConv2d]:
    return convs(ResNet(101, 8))


def test_it_has_the_layers_of_the_prototxt(published):
    assert len(published) == 104
    stages = [sum(f"layer{stage}." in name for name in published) for stage in (1, 2, 3, 4)]
    assert stages == [10, 13, 70, 10]  # three a block, and one beside the first of each stage
    assert sum(conv.weight.numel() for conv in published.values()) == 42_394_816
    affine = (conv.norm.weight.numel() + conv.norm.bias.numel() for conv in published.values())
    assert sum(affine) == 105_344
    assert all(conv.bias is None and conv.norm.eps == 1e-5 for conv in published.values())


def test_strides_are_in_the_first_1x1_and_beside_it(published):
    strided = {name for name, conv in published.items() if conv.stride == (2, 2)}
    assert strided == {"stem", "layer2.0.conv1", "layer2.0.downsample"}


def test_all_3x3_of_a_stage_have_its_rate(published):
    for name, conv in published.items():
        if name.endswith("conv2"):
            rate = {"1": 1, "2": 1, "3": 2, "4": 4}[name[5]]
            assert conv.dilation == conv.padding == (rate, rate), name
        else:
            assert conv.dilation == (1, 1)


@pytest.mark.parametrize(
    ("size", "conv1", "pool1", "last"), [(321, 161, 81, 41), (320, 160, 81, 41), (33, 17, 9, 5)]
)
def test_the_first_pool_rounds_up(size, conv1, pool1, last):
    network = ResNet(50, 8).eval()
    with torch.no_grad():
        stem = network.stem(torch.zeros(1, 3, size, 17))
        assert stem.shape[2] == conv1
        assert network.pool(stem).shape[2] == pool1
        assert network(torch.zeros(1, 3, size, 17)).shape[2:] == (last, 3)


@pytest.mark.parametrize("flavour", ["caffe", "torchvision", "v1c"])
@pytest.mark.parametrize("output_stride", [8, 16])
def test_the_dense_network_holds_the_features_of_the_plain_one(flavour, output_stride):
    torch.manual_seed(0)
    plain = ResNet(50, 32, flavour=flavour).eval().double()
    dense = ResNet(50, output_stride, flavour=flavour).eval().double()
    dense.load_state_dict(plain.state_dict())
    picture = torch.randn(1, 3, 65, 97, dtype=torch.float64)
    with torch.no_grad():
        wanted, got = plain(picture), dense(picture)
    step = 32 // output_stride
    # float64: sums in another order differ in the last digits only
    torch.testing.assert_close(got[..., ::step, ::step], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("dilation", [(False, False, False), (False, True, True)])
def test_torchvisions_flavour_is_torchvisions_network(dilation):
    torch.manual_seed(0)
    theirs = resnet50(weights=None, replace_stride_with_dilation=dilation).eval().double()
    ours = ResNet(50, 8 if dilation[1] else 32, flavour="torchvision").eval()
    renamed = {}
    for name, value in theirs.state_dict().items():
        name = name.replace("downsample.0.", "downsample.").replace("downsample.1.", "bn9.")
        if name.startswith(("conv1.", "bn1.")):
            name = f"stem.{name}"
        for number in "123":
            name = name.replace(f".bn{number}.", f".conv{number}.norm.")
        name = name.replace(".bn9.", ".downsample.norm.")
        name = name.replace("stem.conv1.norm.", "stem.norm.").replace("stem.conv1.", "stem.")
        if not name.startswith("fc."):
            renamed[name] = value
    ours.load_state_dict(renamed)
    picture = torch.randn(1, 3, 70, 81, dtype=torch.float64)
    with torch.no_grad():
        features = IntermediateLayerGetter(theirs, {"layer4": "out"})(picture)["out"]
        torch.testing.assert_close(ours.double()(picture), features)
