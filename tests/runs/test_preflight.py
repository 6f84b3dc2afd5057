import pytest

from deeplab.recipes import RECIPES, override
from deeplab.runs.preflight import look_at_recipe, look_at_steps


def test_a_recipe_of_the_paper_says_its_row_and_warns_of_nothing():
    found = look_at_recipe(RECIPES["voc12-resnet101-msc-aspp"]())
    assert found.facts == (
        "voc12-resnet101-msc-aspp: Table 4 of the paper (ResNet-101, VOC 2012 val): 76.35 % mIoU, "
        "77.69 % with CRF",
    )
    assert found.warnings == ()


def test_settings_that_were_changed_are_named_with_both_values():
    recipe = override(
        RECIPES["voc12-resnet101-msc-aspp"](),
        ["train.base_lr=1e-3", "data.train.0.split=train", "model.scales=[1]"],
    )
    assert sorted(look_at_recipe(recipe).warnings) == [
        "not as in the paper's recipe: data.train is VOCdevkit/VOC2012/train here, "
        "VOCdevkit/VOC2012/trainaug there",
        "not as in the paper's recipe: model.scales is [1.0] here, [1.0, 0.75, 0.5] there",
        "not as in the paper's recipe: train.base_lr is 0.001 here, 0.00025 there",
    ]


def test_another_head_is_named_whole():
    recipe = override(RECIPES["voc12-resnet101-msc-aspp"](), ["model.head={kind: linear}"])
    warnings = look_at_recipe(recipe).warnings
    assert (
        'not as in the paper\'s recipe: model.head.kind is "linear" here, "aspp" there' in warnings
    )
    assert any("model.head.rates is null here" in warning for warning in warnings)


@pytest.mark.parametrize("setting", ["train.seed=3", "train.num_workers=8", "train.log_every=1"])
def test_settings_that_do_not_decide_what_a_run_is_are_not_told(setting):
    recipe = override(RECIPES["voc12-resnet101"](), [setting])
    assert look_at_recipe(recipe).warnings == ()


def test_what_the_paper_does_not_say_is_told():
    (warning,) = look_at_recipe(RECIPES["cityscapes-resnet101"]()).warnings
    assert warning.startswith("not published, so ours: crop, rates, steps")


def test_a_stage_says_what_it_is_for():
    (fact,) = look_at_recipe(RECIPES["coco-resnet101"]()).facts
    assert fact == "coco-resnet101: what rows with COCO start from"


def test_changes_of_recipes_that_are_not_the_papers_are_facts():
    found = look_at_recipe(override(RECIPES["finetune"](), ["train.iterations=7"]))
    assert found.facts == (
        "finetune: no recipe of the paper",
        "set: train.iterations is 7 here, 1000 there",
    )
    assert found.warnings == ()


def test_a_recipe_of_a_users_own_name_is_compared_with_none():
    recipe = RECIPES["voc12-resnet101"]().model_copy(update={"name": "mine"})
    assert look_at_recipe(recipe).facts == ("mine: no recipe of the paper",)


def test_crops_are_counted_as_the_solver_counts_them():
    found = look_at_steps(RECIPES["voc12-resnet101-msc-aspp"](), num_pictures=10_582)
    assert found.facts == (
        "steps: 20000 of 10 crops (batches of 1, 10 to a step): 200000 crops, 18.9 of each picture",
    )


def test_every_device_takes_its_own_batches():
    recipe = override(RECIPES["voc12-vgg16-largefov"](), ["train.devices=2", "train.iterations=5"])
    (fact,) = look_at_steps(recipe, num_pictures=50).facts
    assert fact.startswith("steps: 5 of 20 crops (batches of 10, 1 to a step, on 2 devices): 100")
