from pathlib import Path

import pytest
import yaml

from deeplab.data.stream import SourceConfig
from deeplab.models import ASPPConfig
from deeplab.recipes import RECIPES, Recipe, override, parse_recipe, voc12_lite


def parse_change(**changes: object) -> Recipe:
    content = voc12_lite().model_dump(mode="json") | changes
    return parse_recipe(yaml.safe_dump(content), source="mine.yaml")


@pytest.mark.parametrize("name", RECIPES)
def test_yaml_holds_the_whole_recipe(name):
    recipe = RECIPES[name]()
    assert parse_recipe(recipe.to_yaml(), source="itself") == recipe


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_listed_under_its_own_name_and_says_what_it_is(name):
    assert RECIPES[name]().name == name
    assert RECIPES[name].__doc__


@pytest.mark.parametrize(
    ("assignment", "read"),
    [
        ("train.base_lr=1e-3", lambda recipe: recipe.train.base_lr == 1e-3),
        ("train.iterations=2e3", lambda recipe: recipe.train.iterations == 2000),
        ("data.augment.scales=[5e-1]", lambda recipe: recipe.data.augment.scales == (0.5,)),
        ("train.iterations=7", lambda recipe: recipe.train.iterations == 7),
        ("data.train.1.split=other", lambda recipe: recipe.data.train[1].split == "other"),
        ("data.augment.scales=[1, 1.5]", lambda recipe: recipe.data.augment.scales == (1, 1.5)),
        ("model.num_classes=auto", lambda recipe: recipe.model.num_classes == "auto"),
        ("train.class_weights=[1, 2]", lambda recipe: recipe.train.class_weights == (1, 2)),
        (
            "train.class_weights={pole: 2.5}",
            lambda recipe: recipe.train.class_weights == {"pole": 2.5},
        ),
        (
            "model.head={kind: aspp, rates: [2, 4]}",
            lambda recipe: recipe.model.head == ASPPConfig(rates=(2, 4)),
        ),
        (
            "data.validation={root: a, split: b}",
            lambda recipe: recipe.data.validation == SourceConfig(root=Path("a"), split="b"),
        ),
    ],
)
def test_a_setting_is_changed_by_its_path(assignment, read):
    changed = override(voc12_lite(), [assignment])
    assert read(changed)
    assert not read(voc12_lite())


def test_the_recipe_that_is_changed_stays_as_it_was():
    recipe = voc12_lite()
    override(recipe, ["train.iterations=7"])
    assert recipe == voc12_lite()


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.base_lrr=1", r"train\.base_lrr: did you mean 'base_lr'\?"),
        ("model.head.ratess=[1]", r"model\.head\.ratess: did you mean 'rates'\?"),
        ("data.augment.scale=[1]", r"data\.augment\.scale: did you mean 'scales'\?"),
        ("model.head={kind: aspp, rats: [1]}", r"model\.head\.rats: did you mean 'rates'\?"),
        ("model.head={rates: [1]}", r"model\.head\.kind is missing"),
        ("model.head={kind: asp}", r"model\.head=.*'aspp', 'largefov'"),
        ("data.validation={root: a, spilt: b}", r"data\.validation\.spilt: did you mean 'split'"),
        ("data.validation.root=a", r"data\.validation is null .*data\.validation={key: value}"),
        ("data.train.9.split=x", r"data\.train has 2 entries.*'9'"),
        ("train.iterations.x=1", r"train\.iterations .*no settings below"),
        ("train.iterations", "expected KEY=VALUE"),
        ("train.iterations=zero", r'train\.iterations="zero"'),
        ("train.iterations=0", r"train\.iterations=0: .*greater than 0"),
        ("model.num_classes=two", r"model\.num_classes=\"two\": .*'auto'"),
        ("train.class_weights=often", r"train\.class_weights=\"often\": .*'median_frequency'"),
        ("train.optimiser=sdg", r"train\.optimiser=.*'sgd' or 'adamw'"),
        ("model.output_stride=12", r"model\.output_stride=12"),
        ("data.augment.crop_size_px=320", r"crop_size_px=320: .* such as 305 or 321"),
        ("train.loss_stride=3", r"has to be a multiple of train\.loss_stride=3 plus one"),
        ("data.augment.scales=[]", r"data\.augment\.scales=\[\]"),
        ("train.base_lr=[", "is not YAML"),
    ],
)
def test_a_change_that_cannot_be_names_what_is_wrong(assignment, message):
    with pytest.raises(ValueError, match=message):
        override(voc12_lite(), [assignment])


def test_an_unknown_key_of_a_file_names_file_key_and_the_nearest():
    train = voc12_lite().train.model_dump(mode="json") | {"batchsize": 3}
    with pytest.raises(ValueError, match=r"mine\.yaml: .*train\.batchsize: did you mean 'batch_si"):
        parse_change(train=train)


def test_an_unknown_key_inside_a_list_is_found():
    sources = [{"root": "a", "split": "b", "spilt": "c"}]
    with pytest.raises(ValueError, match=r"data\.train\.0\.spilt: did you mean 'split'\?"):
        parse_change(data={"train": sources})


def test_a_file_without_a_part_of_the_recipe_says_which():
    with pytest.raises(ValueError, match="data is missing"):
        parse_recipe("name: x\nmodel: {}\ntrain: {}\n", source="mine.yaml")


@pytest.mark.parametrize("text", ["just words", "- a\n- list\n", "a: [\n"])
def test_what_is_no_recipe_is_refused_by_name(text):
    with pytest.raises(ValueError, match=r"mine\.yaml"):
        parse_recipe(text, source="mine.yaml")
