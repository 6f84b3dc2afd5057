from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from deeplab.models import initialise
from deeplab.recipes import RECIPES, Recipe
from deeplab.runs import training as runs

TINY = (
    "model.backbone=test_efficientnet",
    "model.head={kind: aspp, rates: [1, 2]}",
    "train.freeze=[]",
)


def shrunk(name: str, *more: str) -> Recipe:
    """A recipe as it is, but on the fake VOC, from random weights, with two steps on two crops."""
    return runs.find_recipe(
        name,
        (
            "model.init=random",
            "model.num_classes=21",
            "data.train=[{root: VOCdevkit/VOC2012, split: train}]",
            "data.holdout_every=0",
            "data.validation={root: VOCdevkit/VOC2012, split: val}",
            "data.augment.crop_size_px=33",
            "train.iterations=2",
            "train.batch_size=2",
            "train.num_workers=0",
            "train.accelerator=cpu",
            "train.log_every=1",
            *more,
        ),
    )


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_builds_and_trains_two_steps(name, fake_voc, tmp_path):
    recipe = shrunk(name)
    best = runs.train(recipe, data_dir=fake_voc, run_dir=tmp_path)
    assert best == tmp_path / "best.safetensors"
    torch.manual_seed(recipe.train.seed)
    before, after = initialise(recipe.model).state_dict(), load_file(tmp_path / "last.safetensors")
    assert before.keys() == after.keys()
    changed = [key for key in before if not torch.equal(before[key], after[key])]
    assert any(key.startswith("backbone.") for key in changed)
    assert any(key.startswith("head.") for key in changed)


def test_another_recipe_in_the_same_folder_is_refused_and_the_difference_is_named(
    fake_voc, tmp_path
):
    runs.train(shrunk("voc12-lite", *TINY), data_dir=fake_voc, run_dir=tmp_path)
    other = shrunk("voc12-lite", *TINY, "train.base_lr=0.5", "train.seed=3")
    with pytest.raises(ValueError, match=r"2 settings differ, such as train\.base_lr .*0\.5 now"):
        runs.train(other, data_dir=fake_voc, run_dir=tmp_path)


def test_the_same_settings_in_other_words_are_the_same_recipe(fake_voc, tmp_path):
    recipe = shrunk("voc12-lite", *TINY)
    (tmp_path / "recipe.yaml").write_text(
        "# by hand\n" + recipe.to_yaml().replace("0.0003", "3e-4")
    )
    assert "3e-4" in (tmp_path / "recipe.yaml").read_text()
    runs.train(recipe, data_dir=fake_voc, run_dir=tmp_path)
    assert (tmp_path / "recipe.yaml").read_text() == recipe.to_yaml()


def test_absolute_data_folders_stand_alone(fake_voc, tmp_path):
    root = fake_voc / "VOCdevkit" / "VOC2012"
    recipe = shrunk(
        "voc12-lite",
        *TINY,
        f"data.train.0.root={root}",
        "data.validation=null",
    )
    best = runs.train(recipe, data_dir=tmp_path / "nowhere", run_dir=tmp_path)
    assert best == tmp_path / "last.safetensors"


def test_a_data_folder_that_is_not_there_is_named_with_where_it_was_looked_for(tmp_path):
    with pytest.raises(ValueError, match=r"data folder .*nowhere/VOCdevkit/VOC2012 does not exist"):
        runs.train(shrunk("voc12-lite"), data_dir=Path("nowhere"), run_dir=tmp_path)


def test_a_recipe_is_found_by_name_and_by_file(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(runs.find_recipe("voc12-lite", ["train.seed=5"]).to_yaml())
    assert runs.find_recipe(str(path)).train.seed == 5
    assert runs.find_recipe("voc12-lite").train.seed == 0


def test_a_mistyped_recipe_names_the_nearest():
    with pytest.raises(ValueError, match=r"'voc12-light': .*did you mean 'voc12-lite'\?"):
        runs.find_recipe("voc12-light")
