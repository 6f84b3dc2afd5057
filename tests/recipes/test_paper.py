"""The settings that the released solvers and prototxts have, and what one tick changes."""

import pytest

from deeplab.models import ASPPConfig
from deeplab.recipes import RECIPES, STAGES, TABLES, compare, parse_recipe
from deeplab.training.optim import schedule

PAPER = sorted({row.recipe for table in TABLES.values() for row in table.rows} | STAGES.keys())


def changed(name: str, other: str) -> set[str]:
    """The settings that differ, but for those that follow from others."""
    differing = compare(RECIPES[name](), RECIPES[other]())
    return differing.keys() - {"name", "train.validate_every"}


@pytest.mark.parametrize("name", PAPER)
def test_what_the_paper_does_everywhere_is_in_every_recipe(name):
    recipe = RECIPES[name]()
    train = recipe.train
    assert recipe.model.output_stride == train.loss_stride == 8
    assert (train.optimiser, train.momentum, train.weight_decay) == ("sgd", 0.9, 5e-4)
    assert (train.backbone_bias_lr_multiplier, train.hidden_lr_multiplier) == (2, 1)
    assert (train.head_lr_multiplier, train.head_bias_lr_multiplier) == (10, 20)
    assert (train.batch_norm, train.freeze, train.precision) == ("frozen", (), "32-true")
    assert (train.warmup_iterations, train.average_decay, train.max_gradient_norm) == (0, 0, 0)
    assert (train.class_weights, train.label_smoothing) == ("none", 0)
    augment = recipe.data.augment
    assert (augment.mirror, augment.colour_jitter, augment.paste) == (True, 0, 0)
    assert (recipe.data.balance, recipe.data.holdout_every) == (0, 0)


@pytest.mark.parametrize("name", PAPER)
def test_networks_have_the_solver_that_was_released_for_them(name):
    recipe = RECIPES[name]()
    train = recipe.train
    if recipe.model.backbone == "vgg16":
        assert (train.base_lr, train.accumulate) == (1e-3, 1)
        assert recipe.model.scales == (1,)
    else:
        assert (train.base_lr, train.batch_size, train.accumulate) == (2.5e-4, 1, 10)
        assert recipe.model.init != "imagenet"
    if train.schedule == "poly":
        halfway = schedule(train.iterations // 2, train)
        assert halfway == pytest.approx(0.5**0.9)


@pytest.mark.parametrize("name", PAPER)
def test_nothing_is_chosen_on_the_validation_pictures(name):
    recipe = RECIPES[name]()
    assert recipe.data.validation is None or (
        recipe.train.validate_every == recipe.train.iterations
        and recipe.data.validation not in recipe.data.train
    )


@pytest.mark.parametrize(
    ("name", "base", "settings"),
    [
        ("voc12-resnet101-msc", "voc12-resnet101", {"model.scales"}),
        (
            "voc12-resnet101-msc-coco",
            "voc12-resnet101-msc",
            {"model.init", "model.keep_head"},
        ),
        (
            "voc12-resnet101-msc-coco-aug",
            "voc12-resnet101-msc-coco",
            {"data.augment.scales"},
        ),
        (
            "voc12-vgg16-largefov-poly-30-10k",
            "voc12-vgg16-largefov-poly-30-6k",
            {"train.iterations"},
        ),
        (
            "voc12-vgg16-largefov-poly-10-10k",
            "voc12-vgg16-largefov-poly-30-10k",
            {"train.batch_size"},
        ),
        ("voc12-vgg16-largefov", "voc12-vgg16-largefov-poly-10-10k", {"train.iterations"}),
        (
            "voc12-vgg16-largefov-poly-30-6k",
            "voc12-vgg16-largefov-step",
            {"train.schedule", "model.head.average_pool"},
        ),
        ("voc12-vgg16-aspp-s", "voc12-vgg16-aspp-l", {"model.head.rates"}),
        (
            "cityscapes-resnet101-aspp-aug",
            "cityscapes-resnet101-aspp",
            {"data.augment.scales"},
        ),
    ],
)
def test_a_row_changes_what_the_paper_says_and_nothing_else(name, base, settings):
    assert changed(name, base) == settings


@pytest.mark.parametrize(
    "name", [name for name in PAPER if "-msc-" in name and "resnet101" in name]
)
def test_behind_msc_all_start_from_coco_without_its_head(name):
    model = RECIPES[name]().model
    assert model.scales == (1, 0.75, 0.5)
    if not name.endswith("-trainval"):
        assert (model.init, model.keep_head) == ("caffe-resnet101-coco-init", False)


def test_what_the_authors_ran_is_the_released_prototxt():
    recipe = RECIPES["voc12-resnet101-msc-aspp"]()
    assert recipe.model.head == ASPPConfig(rates=(6, 12, 18, 24), hidden_channels=0, dropout=0)
    assert recipe.data.augment.scales == (0.5, 0.75, 1, 1.25, 1.5)
    assert recipe.data.augment.crop_size_px == 321
    assert recipe.train.iterations == 20_000
    assert [source.split for source in recipe.data.train] == ["trainaug"]


@pytest.mark.parametrize("name", [name for name in STAGES if name.endswith("-trainval")])
def test_a_second_stage_goes_on_from_the_first_on_all_pictures_and_scores_none(name):
    first, second = RECIPES[name.removesuffix("-trainval")](), RECIPES[name]()
    assert second.model.init == f"runs/{first.name}/last.safetensors"
    assert second.model.keep_head
    assert [source.split for source in second.data.train] == ["trainval_aug"]
    assert second.data.validation is None
    assert second.train.base_lr == first.train.base_lr
    assert second.model.head == first.model.head


@pytest.mark.parametrize("name", PAPER)
def test_a_variant_made_by_copying_holds_only_what_is_allowed(name):
    recipe = RECIPES[name]()
    assert parse_recipe(recipe.to_yaml(), source=name) == recipe
