"""VGG-16 against its table in the released prototxt (train.prototxt, deeplab_largeFOV)."""

import pytest
import torch
from torch.nn import functional

from deeplab.models import VGG16, make_atrous


@pytest.fixture(scope="module")
def plain() -> VGG16:
    torch.manual_seed(0)
    return VGG16(32).eval().double()


def dense(plain: VGG16, output_stride: int) -> VGG16:
    network = VGG16(output_stride).eval().double()
    network.load_state_dict(plain.state_dict())
    return network


def sizes(network: torch.nn.Module, size: int) -> dict[str, int]:
    """Side of the feature map behind every layer."""
    found: dict[str, int] = {}
    handles = [
        layer.register_forward_hook(
            lambda _, __, output, name=name: found.update({name: output.shape[-1]})
        )
        for name, layer in network.layers.named_children()
    ]
    with torch.no_grad():
        network(torch.zeros(1, 3, size, 17, dtype=torch.float64).transpose(2, 3))
    for handle in handles:
        handle.remove()
    return found


@pytest.mark.parametrize(
    ("size", "pools"),
    # the last two are not 8k + 1: Caffe rounds up there
    [(321, (161, 81, 41, 41, 41)), (320, (161, 81, 41, 41, 41)), (322, (162, 82, 42, 42, 42))],
)
def test_pools_have_the_published_sizes(plain, size, pools):
    found = sizes(dense(plain, 8), size)
    assert tuple(found[f"pool{stage}"] for stage in range(1, 6)) == pools


def test_layers_have_the_published_settings(plain):
    layers = dense(plain, 8).layers
    assert [layers.get_submodule(f"conv5_{place}").dilation for place in (1, 2, 3)] == [(2, 2)] * 3
    assert all(
        layers.get_submodule(name).dilation == (1, 1)
        for name in ("conv1_1", "conv3_3", "conv4_1", "conv4_3")
    )
    assert [layers.get_submodule(f"pool{stage}").stride for stage in (1, 2, 3)] == [2, 2, 2]
    assert layers.pool5.stride == layers.pool5.dilation == layers.pool5.padding == 1
    assert sum(one.numel() for one in layers.parameters()) == 14_714_688


def test_outside_of_the_picture_is_nothing_to_pools(plain):
    dark = torch.full((1, 1, 9, 9), -5.0)
    layers = dense(plain, 8).layers
    assert all((layers.get_submodule(f"pool{stage}")(dark) == -5).all() for stage in (1, 4, 5))


def test_features_are_those_of_the_prototxt(plain):
    """The released layers, one by one, in plain functions."""
    network = dense(plain, 8)
    weights = network.state_dict()
    picture = torch.randn(1, 3, 49, 57, dtype=torch.float64)
    x = picture
    for stage, count in enumerate((2, 2, 3, 3, 3), 1):
        for place in range(1, count + 1):
            rate = 2 if stage == 5 else 1
            name = f"layers.conv{stage}_{place}"
            x = functional.conv2d(
                x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=rate, dilation=rate
            ).relu()
        x = functional.max_pool2d(x, 3, 2 if stage < 4 else 1, 1, ceil_mode=True)
    with torch.no_grad():
        torch.testing.assert_close(network(picture), x)


def test_made_atrous_it_holds_the_features_of_the_plain_network_at_its_positions(plain):
    picture = torch.randn(1, 3, 65, 97, dtype=torch.float64)
    spread = VGG16(32).eval()
    make_atrous(spread, 8)
    spread = spread.double()
    spread.load_state_dict(plain.state_dict())
    with torch.no_grad():
        wanted, got = plain(picture), spread(picture)
    # float64: sums in another order differ in the last digits only
    torch.testing.assert_close(got[..., ::4, ::4], wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("output_stride", "side"), [(8, 9), (16, 5), (32, 3)])
def test_every_output_stride_can_be_had(plain, output_stride, side):
    with torch.no_grad():
        features = dense(plain, output_stride)(torch.zeros(1, 3, 65, 65, dtype=torch.float64))
    assert features.shape == (1, 512, side, side)
