import pytest
import torch

from deeplab.models import ASPPConfig, DeepLab, LargeFOVConfig, ModelConfig, Preprocessing, build

SMALL = {"backbone": "test_efficientnet", "init": "random"}


@pytest.mark.parametrize("output_stride", [8, 16, 32])
@pytest.mark.parametrize(
    "head", [ASPPConfig(rates=(1, 2)), LargeFOVConfig(rate=2, hidden_channels=8)]
)
def test_scores_come_at_the_output_stride_for_any_size(output_stride, head):
    config = ModelConfig(**SMALL, output_stride=output_stride, head=head, num_classes=5)
    network = build(config).eval()
    with torch.no_grad():
        scores = network(torch.zeros(2, 3, 50, 67))
    assert scores.shape == (2, 5, -(-50 // output_stride), -(-67 // output_stride))


def test_scores_are_the_head_of_the_backbone():
    network = build(ModelConfig(**SMALL)).eval()
    picture = torch.randn(1, 3, 65, 65, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(network(picture), network.head(network.backbone(picture)))


def test_a_mistyped_backbone_names_near_ones():
    with pytest.raises(ValueError, match=r"unknown backbone 'efficientnet_light0'.*efficientnet"):
        build(ModelConfig(backbone="efficientnet_light0", init="random"))


def test_a_backbone_without_known_imagenet_weights_says_what_to_do():
    with pytest.raises(ValueError, match=r"no ImageNet weights .* model.init=random"):
        build(ModelConfig(backbone="test_efficientnet", init="imagenet"))


def test_a_transformer_is_refused():
    with pytest.raises(ValueError, match="choose another backbone"):
        build(ModelConfig(backbone="test_vit", init="random"))


def test_preprocessing_subtracts_divides_and_orders():
    pictures = torch.tensor([10, 20, 30], dtype=torch.uint8).view(1, 3, 1, 1)
    rgb = Preprocessing((1.0, 2.0, 3.0), (1.0, 2.0, 3.0))
    assert rgb.apply(pictures).flatten().tolist() == [9, 9, 9]
    bgr = Preprocessing((0.0, 0.0, 0.0), (1.0, 1.0, 1.0), colour_order="bgr")
    assert bgr.apply(pictures).flatten().tolist() == [30, 20, 10]


def test_fast_depthwise_convolutions_are_in_place():
    network = build(ModelConfig(**SMALL))
    kinds = {type(module).__name__ for module in network.modules()}
    assert isinstance(network, DeepLab)
    assert "DepthwiseConv2d" in kinds


@pytest.mark.parametrize("num_bands", [1, 4, 6])
def test_a_network_takes_pictures_of_the_bands_it_was_built_for(num_bands):
    config = ModelConfig(backbone="test_efficientnet", init="random", in_channels=num_bands)
    network = build(config).eval()
    pictures = torch.zeros(1, num_bands, 33, 49, dtype=torch.uint8)
    with torch.no_grad():
        assert network(network.preprocessing.apply(pictures)).shape == (1, 21, 3, 4)


def test_a_thousand_classes_are_scored():
    network = build(ModelConfig(backbone="test_efficientnet", init="random", num_classes=1000))
    with torch.no_grad():
        assert network.eval()(torch.zeros(1, 3, 33, 33)).shape == (1, 1000, 3, 3)


def test_the_mean_and_the_deviation_of_the_bands_are_used():
    config = ModelConfig(
        backbone="test_efficientnet", init="random", in_channels=2, mean=(50, 90), std=(5, 9)
    )
    applied = build(config).preprocessing.apply(torch.tensor([50.0, 90.0]).view(1, 2, 1, 1))
    assert applied.flatten().tolist() == [0, 0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_classes": 1}, "name what is not the class too, such as `background`"),
        ({"mean": (1, 2, 3)}, "go together"),
        ({"in_channels": 4, "mean": (1,) * 4, "std": (1,) * 3}, r"model\.std has 3 numbers"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        ModelConfig(**settings)


def test_classes_have_to_be_known_to_build_a_network():
    with pytest.raises(ValueError, match=r"model\.num_classes is auto: training looks it up"):
        build(ModelConfig(backbone="test_efficientnet", init="random", num_classes="auto"))
