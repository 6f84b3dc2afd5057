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
    network = nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.AvgPool2d(3, 1, 1))
    with pytest.raises(ValueError, match="layer '2' averages its input and cannot take rate 2"):
        make_atrous(network, 2)


def test_an_average_that_looks_equally_far_to_all_sides_may_keep_the_size():
    network = nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1), nn.AvgPool2d(3, 2, 1), nn.Conv2d(2, 2, 1))
    picture = torch.randn(1, 3, 33, 41, generator=torch.Generator().manual_seed(0))
    wanted = network(picture)
    make_atrous(network, 2)
    torch.testing.assert_close(network(picture)[..., ::2, ::2], wanted)


@pytest.mark.parametrize(
    ("name", "output_stride"), [("test_convnext", 16), ("test_resnet", 16), ("test_resnet", 8)]
)
def test_windows_that_look_further_to_one_side_are_refused(name, output_stride):
    network = timm.create_model(name, num_classes=0, global_pool="")
    with pytest.raises(ValueError, match="does not look equally far to all sides"):
        make_atrous(network, output_stride)


def test_sizes_that_are_rounded_down_are_refused():
    network = nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1), nn.AvgPool2d(2))
    with pytest.raises(
        ValueError, match=r"features of shape \(1, 2, 24, 24\), .* \(1, C, 25, 25\)"
    ):
        make_atrous(network, 4)


def test_a_stride_that_the_network_does_not_reach_is_refused():
    with pytest.raises(ValueError, match="choose another output stride"):
        make_atrous(nn.Sequential(nn.Conv2d(3, 2, 3, 2, 1)), 8)


def test_a_layer_that_is_used_at_two_strides_is_refused():
    shared = nn.MaxPool2d(3, 2, 1)
    with pytest.raises(ValueError, match="layer by layer"):
        make_atrous(nn.Sequential(shared, shared), 2)


@pytest.mark.parametrize("output_stride", [8, 16])
def test_doing_it_twice_is_doing_it_once(output_stride):
    network = backbone("mobilenetv2_100").float()
    make_atrous(network, output_stride)
    once = repr(network)
    make_atrous(network, output_stride)
    assert repr(network) == once


@pytest.mark.parametrize("is_training", [True, False])
def test_looking_at_a_network_leaves_its_mode_and_statistics(is_training):
    network = backbone("resnet18").float().train(is_training)
    before = {name: value.clone() for name, value in network.named_buffers()}
    make_atrous(network, 8)
    assert network.layer4.training == is_training
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
