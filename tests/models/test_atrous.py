import pytest
import timm
import torch
from torch import nn
from torch.nn import functional

from deeplab.models import make_atrous

BACKBONES = ("resnet18", "resnet50", "mobilenetv2_100", "efficientnet_lite0")


def backbone(name: str) -> nn.Module:
    torch.manual_seed(0)
    network = timm.create_model(name, pretrained=False, num_classes=0, global_pool="").eval()
    for norm in network.modules():
        if isinstance(norm, nn.BatchNorm2d):  # so that features neither vanish nor explode
            norm.running_var.fill_(2.0)
    return network.double()


def deinterlaced(picture: torch.Tensor, conv: nn.Conv2d, rate: int) -> torch.Tensor:
    """A convolution of a rate as plain ones on phase maps (arXiv 1606.00915, section 3.1)."""
    height, width = picture.shape[-2:]
    padded = functional.pad(picture, (0, -width % rate, 0, -height % rate))
    scores = torch.zeros(1, conv.out_channels, *padded.shape[-2:], dtype=picture.dtype)
    for top in range(rate):
        for left in range(rate):
            phase = padded[..., top::rate, left::rate]
            scores[..., top::rate, left::rate] = functional.conv2d(
                phase, conv.weight, conv.bias, padding=1
            )
    return scores[..., :height, :width]


@pytest.mark.parametrize("rate", [1, 2, 3, 5])
def test_a_rate_is_a_plain_convolution_on_deinterlaced_maps(rate):
    torch.manual_seed(0)
    conv = nn.Conv2d(2, 3, 3, padding=rate, dilation=rate).double()
    picture = torch.randn(1, 2, 17, 22, dtype=torch.float64)
    torch.testing.assert_close(conv(picture), deinterlaced(picture, conv, rate))


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("output_stride", [8, 16])
def test_the_dense_network_holds_the_features_of_the_sparse_one(name, output_stride):
    sparse, dense = backbone(name), backbone(name)
    dense = dense.float()
    make_atrous(dense, output_stride)
    dense = dense.double()
    step = 32 // output_stride
    picture = torch.randn(1, 3, 97, 129, dtype=torch.float64)
    with torch.no_grad():
        wanted, got = sparse(picture), dense(picture)
    assert got.shape[-2:] == (96 // output_stride + 1, 128 // output_stride + 1)
    # float64: sums in another order differ in the last digits only
    torch.testing.assert_close(got[..., ::step, ::step], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", BACKBONES)
def test_weights_and_their_names_stay(name):
    network = backbone(name).float()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    make_atrous(network, 8)
    after = network.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[key], before[key]) for key in before)


@pytest.mark.parametrize("name", BACKBONES)
def test_output_stride_32_changes_nothing(name):
    network = backbone(name).float()
    before = repr(network)
    make_atrous(network, 32)
    assert repr(network) == before


@pytest.mark.parametrize("size", [(33, 47), (64, 50), (100, 131)])
@pytest.mark.parametrize("output_stride", [8, 16, 32])
def test_any_size_gives_one_position_for_every_stride_begun(size, output_stride):
    network = backbone("mobilenetv2_100").float()
    make_atrous(network, output_stride)
    with torch.no_grad():
        features = network(torch.zeros(1, 3, *size))
    assert features.shape[-2:] == tuple(-(-length // output_stride) for length in size)


def test_the_rates_of_a_residual_network_are_those_of_the_paper():
    network = backbone("resnet50").float()
    make_atrous(network, 8)
    # Caffe's network strides in the first 1x1, so that all of a stage's 3x3 see the same stride;
    # timm strides in the 3x3, and the first of a stage still sees the stage before.
    rates = [
        [block.conv2.dilation[0] for block in stage] for stage in (network.layer3, network.layer4)
    ]
    assert rates == [[1, 2, 2, 2, 2, 2], [2, 4, 4]]


def test_padding_by_the_size_of_the_picture_is_refused():
    network = timm.create_model("tf_efficientnet_lite0", num_classes=0, global_pool="")
    with pytest.raises(ValueError, match="tf_"):
        make_atrous(network, 16)


def test_an_average_that_would_need_a_rate_is_refused():
    network = timm.create_model("resnet50d", num_classes=0, global_pool="")
    with pytest.raises(ValueError, match=r"another backbone|larger output stride"):
        make_atrous(network, 8)
