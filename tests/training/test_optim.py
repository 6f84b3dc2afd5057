import pytest
import torch
from torch import nn

from deeplab.models import ASPPConfig, DeepLab, LargeFOVConfig, ModelConfig, build
from deeplab.training import TrainConfig
from deeplab.training.optim import (
    CaffeSGD,
    freeze,
    make_optimiser,
    parameter_groups,
    prepare_batch_norm,
    schedule,
    set_rate,
    set_training,
)


def small_network() -> DeepLab:
    torch.manual_seed(0)
    head = ASPPConfig(rates=(1, 2))
    return build(ModelConfig(backbone="test_efficientnet", init="random", num_classes=3, head=head))


def prepared(config: TrainConfig) -> DeepLab:
    network = small_network()
    prepare_batch_norm(network, config)
    return network


def batch_norms(network: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


@pytest.mark.parametrize(
    ("step", "factor"), [(0, 1), (50, 0.5**0.9), (75, 0.25**0.9), (99, 0.01**0.9)]
)
def test_poly_falls_anew_at_every_step(step, factor):
    assert schedule(step, TrainConfig(iterations=100)) == pytest.approx(factor)


def test_the_published_schedule():
    """SPEC: lr(it) = 2.5e-4 * (1 - it / 20000) ** 0.9 for it = 0, 1, half, last."""
    config = TrainConfig()
    rates = [config.base_lr * schedule(step, config) for step in (0, 1, 10_000, 19_999)]
    expected = [2.5e-4, 2.5e-4 * 0.99995**0.9, 2.5e-4 * 0.5**0.9, 2.5e-4 * 5e-5**0.9]
    assert rates == pytest.approx(expected)


def test_the_step_schedule_of_the_first_release():
    config = TrainConfig(schedule="step", step_factor=0.1, step_iterations=2000, iterations=6000)
    factors = [schedule(step, config) for step in (0, 1999, 2000, 3999, 4000, 5999)]
    assert factors == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_rate_rises_over_the_warm_up_and_is_poly_behind_it():
    config = TrainConfig(iterations=100, warmup_iterations=10)
    plain = TrainConfig(iterations=100)
    assert schedule(0, config) == pytest.approx(0.1)
    assert schedule(4, config) == pytest.approx(0.5 * schedule(4, plain))
    assert [schedule(step, config) for step in (9, 10, 60)] == [
        schedule(step, plain) for step in (9, 10, 60)
    ]


@pytest.mark.parametrize("batch_norm", ["frozen", "affine", "slow"])
def test_every_parameter_that_learns_is_in_one_group_and_in_no_other(batch_norm):
    config = TrainConfig(batch_norm=batch_norm)
    network = prepared(config)
    grouped = [id(one) for group in parameter_groups(network, config) for one in group["params"]]
    learning = {id(one) for one in network.parameters() if one.requires_grad}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == learning


def test_groups_have_the_published_multipliers_and_only_weights_decay():
    config = TrainConfig(batch_norm="affine")
    network = prepared(config)
    groups = {
        group["name"]: (group["multiplier"], group["weight_decay"])
        for group in parameter_groups(network, config)
    }
    assert groups == {
        "backbone weights": (1, 5e-4),
        "backbone biases": (2, 0),
        "backbone norms": (1, 0),
        "head weights": (10, 5e-4),
        "head biases": (20, 0),
    }


def test_every_group_gets_the_rate_of_the_step_times_its_multiplier():
    config = TrainConfig(iterations=10, base_lr=0.1, batch_norm="affine")
    optimiser = make_optimiser(prepared(config), config)
    rate = set_rate(optimiser, config, 5)
    assert rate == pytest.approx(0.1 * 0.5**0.9)
    rates = {group["name"]: group["lr"] / rate for group in optimiser.param_groups}
    expected = {
        "backbone weights": 1,
        "backbone biases": 2,
        "backbone norms": 1,
        "head weights": 10,
        "head biases": 20,
    }
    assert rates == pytest.approx(expected)


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
def test_a_step_without_gradients_shrinks_decaying_weights_alone(optimiser):
    config = TrainConfig(optimiser=optimiser, base_lr=0.1, weight_decay=0.01, batch_norm="affine")
    network = prepared(config)
    before = {name: value.clone() for name, value in network.named_parameters()}
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    stepper = make_optimiser(network, config)
    set_rate(stepper, config, 0)
    stepper.step()
    for name, value in network.named_parameters():
        multiplier = 10 if name.startswith("head") else 1
        kept = 1 - 0.1 * multiplier * 0.01 if value.ndim > 1 else 1
        torch.testing.assert_close(value, before[name] * kept)


def test_frozen_batch_norm_survives_training_mode():
    config = TrainConfig(batch_norm="frozen")
    network = prepared(config)
    before = {name: value.clone() for name, value in network.named_buffers()}
    set_training(network, config)
    network(torch.randn(2, 3, 33, 33))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert not any(one.requires_grad for norm in batch_norms(network) for one in norm.parameters())


def test_affine_batch_norm_keeps_its_statistics_and_learns_scale_and_shift():
    config = TrainConfig(batch_norm="affine")
    network = prepared(config)
    set_training(network, config)
    before = {name: value.clone() for name, value in network.named_buffers()}
    network(torch.randn(2, 3, 33, 33)).sum().backward()
    assert all(torch.equal(value, before[name]) for name, value in network.named_buffers())
    assert all(norm.weight.grad is not None for norm in batch_norms(network))


def test_slow_batch_norm_moves_its_mean_by_a_hundredth():
    config = TrainConfig(batch_norm="slow")
    network = prepared(config)
    set_training(network, config)
    norm = network.backbone.bn1
    pictures = torch.randn(2, 3, 33, 33)
    mean = network.backbone.conv_stem(pictures).mean(dim=(0, 2, 3))
    network(pictures)
    torch.testing.assert_close(norm.running_mean, 0.01 * mean)


def test_frozen_modules_get_no_gradient_and_keep_their_statistics():
    config = TrainConfig(batch_norm="slow", freeze=("conv_stem", "bn1", "blocks.0"))
    network = prepared(config)
    freeze(network, config)
    set_training(network, config)
    statistics = network.backbone.bn1.running_mean.clone()
    network(torch.randn(2, 3, 33, 33)).sum().backward()
    without = {name for name, value in network.backbone.named_parameters() if value.grad is None}
    assert without == {
        name
        for name, _ in network.backbone.named_parameters()
        if name.startswith(("conv_stem.", "bn1.", "blocks.0."))
    }
    assert torch.equal(network.backbone.bn1.running_mean, statistics)


def test_a_module_to_freeze_that_is_not_there_is_named():
    config = TrainConfig(freeze=("layer1",))
    with pytest.raises(ValueError, match=r"no module 'layer1'; it has conv_stem, bn1, blocks"):
        freeze(small_network(), config)


def test_hidden_layers_learn_like_the_backbone_and_only_the_classifier_ten_times_as_fast():
    """Released deeplab_largeFOV/train.prototxt: fc6 and fc7 x1 and x2, fc8 x10 and x20."""
    torch.manual_seed(0)
    head = LargeFOVConfig(hidden_channels=4)
    network = build(ModelConfig(backbone="test_efficientnet", init="random", head=head))
    names = {parameter: name for name, parameter in network.named_parameters()}
    settings = {
        names[parameter]: (group["multiplier"], group["weight_decay"])
        for group in parameter_groups(network, TrainConfig())
        for parameter in group["params"]
    }
    assert settings["head.fc6.weight"] == settings["head.fc7.weight"] == (1, 5e-4)
    assert settings["head.fc6.bias"] == settings["head.fc7.bias"] == (2, 0)
    assert settings["head.fc8.weight"] == (10, 5e-4)
    assert settings["head.fc8.bias"] == (20, 0)


def test_momentum_is_caffes():
    """sgd_solver.cpp: V <- mu V + lr (g + wd w), w <- w - V, while the rate falls."""
    weight = torch.nn.Parameter(torch.tensor([1.0, -2.0], dtype=torch.float64))
    optimiser = CaffeSGD([{"params": [weight], "weight_decay": 0.1}], lr=1.0, momentum=0.9)
    expected, velocity = weight.detach().clone(), torch.zeros(2, dtype=torch.float64)
    for rate, gradient in ((0.5, [1.0, 2.0]), (0.1, [3.0, -1.0]), (0.01, [0.5, 0.5])):
        optimiser.param_groups[0]["lr"] = rate
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimiser.step()
        velocity = 0.9 * velocity + rate * (torch.tensor(gradient) + 0.1 * expected)
        expected = expected - velocity
        torch.testing.assert_close(weight.detach(), expected)


def test_at_a_constant_rate_caffes_momentum_is_torchs():
    torch.manual_seed(0)
    ours, theirs = (torch.nn.Parameter(torch.ones(3, dtype=torch.float64)) for _ in range(2))
    pair = (
        CaffeSGD([ours], lr=0.1, momentum=0.9),
        torch.optim.SGD([theirs], lr=0.1, momentum=0.9),
    )
    for _ in range(4):
        gradient = torch.randn(3, dtype=torch.float64)
        for weight, optimiser in zip((ours, theirs), pair, strict=True):
            weight.grad = gradient.clone()
            optimiser.step()
    torch.testing.assert_close(ours, theirs)


def test_a_parameter_without_a_gradient_stays():
    weight = torch.nn.Parameter(torch.ones(2))
    CaffeSGD([weight], lr=0.1, momentum=0.9).step()
    assert weight.tolist() == [1, 1]
