from pathlib import Path

import pytest

from deeplab.labels import VOC12
from deeplab.models import ASPPConfig, ModelConfig, build, save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.recipes import RECIPES
from deeplab.runs.preflight_network import look_at_learning, look_at_network, look_at_start, sketch
from deeplab.training import TrainConfig, prepare_batch_norm

TINY = ModelConfig(
    backbone="test_efficientnet", head=ASPPConfig(rates=(1, 2)), num_classes=21, init="random"
)
CLASSES = VOC12.class_names


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("start") / "tiny.safetensors"
    card = NetworkCard("tiny", CLASSES, VOC12.palette, 16, "name: tiny\n", {})
    save_checkpoint(path, build(TINY).state_dict(), config=TINY, card=card)
    return path


def start_of(config: ModelConfig) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = look_at_start(config, sketch(config), CLASSES)
    return found.facts, found.warnings


def test_the_sketch_of_a_network_has_its_names_and_shapes():
    sketched, built = sketch(TINY).state_dict(), build(TINY).state_dict()
    assert {name: value.shape for name, value in sketched.items()} == {
        name: value.shape for name, value in built.items()
    }
    assert all(value.is_meta for value in sketched.values())


def test_a_checkpoint_of_the_same_network_gives_all(checkpoint):
    config = TINY.model_copy(update={"init": str(checkpoint)})
    count = len(build(TINY).state_dict())
    assert start_of(config) == ((f"start: {checkpoint}, {count} of {count} tensors",), ())


def test_layers_that_a_checkpoint_does_not_give_are_named(checkpoint):
    head = ASPPConfig(rates=(1, 2, 3))
    ((fact,), _) = start_of(TINY.model_copy(update={"init": str(checkpoint), "head": head}))
    assert fact.endswith("; random: head.branches.2")


def test_a_head_that_is_dropped_is_random(checkpoint):
    ((fact,), _) = start_of(TINY.model_copy(update={"init": str(checkpoint), "keep_head": False}))
    assert fact.endswith("; random: head.branches.0, head.branches.1")


def test_a_checkpoint_for_other_classes_is_read_without_building_the_network(checkpoint):
    config = TINY.model_copy(update={"init": str(checkpoint), "num_classes": 2})
    found = look_at_start(config, sketch(config), ("cat", "unknown"))
    assert found.facts[0].startswith("start: ")


def test_a_random_start_is_warned_of():
    assert start_of(TINY)[1] == (
        "all weights start random: the paper starts from ImageNet or MS COCO",
    )


def test_hidden_layers_of_vgg16_that_start_random_are_warned_of(monkeypatch):
    model = RECIPES["voc12-vgg16-aspp-l"]().model
    monkeypatch.setattr(
        "deeplab.runs.preflight_network.find_imagenet_file", lambda backbone: Path("there")
    )
    (fact,), (warning,) = start_of(model)
    assert fact.startswith("start: imagenet, 26 of 50 tensors; random: head.branches.0.fc6, ")
    assert "head.branches.0.fc6, head.branches.0.fc7, head.branches.1.fc6" in warning
    assert "fc8" not in warning


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("voc12-resnet101", r"ResNet-101-model\.caffemodel.*deeplab weights import FILE"),
        (
            "voc12-resnet101-msc-coco",
            r"init\.caffemodel.*or train it yourself: `deeplab train coco-r",
        ),
        (
            "voc12-vgg16-aspp-l-trainval",
            r"runs/voc12-vgg16-aspp-l/.*what `deeplab train voc12-vgg16-aspp-l` leaves",
        ),
    ],
)
def test_a_start_that_is_missing_says_how_to_get_it(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPLAB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(ValueError, match=message):
        start_of(RECIPES[name]().model)


def test_groups_and_frozen_layers_of_the_published_resnet():
    recipe = RECIPES["voc12-resnet101-msc-aspp"]()
    network = sketch(recipe.model)
    prepare_batch_norm(network, recipe.train)
    assert look_at_learning(network, recipe.train).facts == (
        "learns: backbone weights, 104 tensors, 42 394 816 numbers, rate x1, decay 0.0005",
        "learns: head weights, 4 tensors, 1 548 288 numbers, rate x10, decay 0.0005",
        "learns: head biases, 4 tensors, 84 numbers, rate x20, decay 0",
        "batch norms: 104, statistics, scale and offset stay",
        "stays: 208 tensors, 105 344 numbers",
    )


def test_groups_of_the_published_vgg16():
    recipe = RECIPES["voc12-vgg16-largefov"]()
    facts = look_at_learning(sketch(recipe.model), recipe.train).facts
    assert [fact.rpartition("numbers, ")[2] for fact in facts] == [
        "rate x1, decay 0.0005",
        "rate x2, decay 0",
        "rate x1, decay 0.0005",
        "rate x2, decay 0",
        "rate x10, decay 0.0005",
        "rate x20, decay 0",
    ]
    assert facts[-1].startswith("learns: head biases, 1 tensor, 21 numbers")


def test_modules_that_are_frozen_stay_and_unknown_ones_are_refused():
    facts = look_at_network(TINY, TrainConfig(freeze=("conv_stem",)), CLASSES).facts
    stays = next(fact for fact in facts if fact.startswith("stays: "))
    without = look_at_network(TINY, TrainConfig(), CLASSES).facts
    assert stays not in without
    with pytest.raises(ValueError, match=r"train\.freeze: the backbone has no module 'no_stem'"):
        look_at_network(TINY, TrainConfig(freeze=("no_stem",)), CLASSES)
