"""The paper's tables against the recipes: no row without a recipe, no recipe without a row."""

import functools
import re

import pytest
import torch

from deeplab.crf.parameters import PRESETS
from deeplab.labels import LABEL_SETS
from deeplab.models import ModelConfig, build
from deeplab.recipes import RECIPES, STAGES, TABLES, find_table, tables_of

OURS = {"voc12-lite", "finetune"}
ROWS = [(table, row) for table in TABLES.values() for row in table.rows]
DATA_SETS = {
    "voc12": "voc12",
    "coco": "coco91",
    "pascal": "pascal-context",
    "person": "person-part",
    "cityscapes": "cityscapes",
}


def single_scale(name: str) -> ModelConfig:
    """A recipe's network, less what has no parameters."""
    same = {"init": "random", "keep_head": True, "scales": (1.0,)}
    return RECIPES[name]().model.model_copy(update=same)


@functools.cache
def count_parameters(config: ModelConfig) -> int:
    """Count by building the network without numbers."""
    with torch.device("meta"):
        network = build(config)
    return sum(one.numel() for one in network.parameters())


def test_the_recipes_of_the_paper_are_rows_or_stages_and_all_are_there():
    rows = {row.recipe for _, row in ROWS}
    assert rows | STAGES.keys() == RECIPES.keys() - OURS
    assert not rows & STAGES.keys()


@pytest.mark.parametrize(
    ("number", "num_rows", "best"),
    [
        (1, 4, 67.64),
        (2, 5, 65.88),
        (3, 3, 71.57),
        (4, 6, 77.69),
        (6, 6, 45.7),
        (7, 5, 64.94),
        (9, 6, 71.4),
    ],
)
def test_every_table_has_its_rows(number, num_rows, best):
    rows = TABLES[number].rows
    assert len(rows) == len({row.recipe for row in rows}) == num_rows
    assert max(row.miou_with_crf or row.miou for row in rows) == best


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_a_row_has_a_cell_for_each_column(table, row):
    assert len(row.cells) == len(table.columns)


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_the_ticks_of_a_row_are_in_its_recipe(table, row):
    recipe = RECIPES[row.recipe]()
    ticks = {heading for heading, cell in zip(table.columns, row.cells, strict=True) if cell == "x"}
    if table.number not in (4, 6, 7, 9):
        assert not ticks
        return
    assert ("MSC" in ticks) == (len(recipe.model.scales) == 3)
    assert ("COCO" in ticks) == (recipe.model.init == "caffe-resnet101-coco-init")
    if "Aug" in table.columns:
        assert ("Aug" in ticks) == (len(recipe.data.augment.scales) == 5)
    if "Full" in table.columns:
        assert ("Full" in ticks) == (recipe.data.augment.scales != (0.5,))
    if recipe.model.backbone == "resnet101":
        rates = getattr(recipe.model.head, "rates", ())
        assert ("LargeFOV" in ticks) == (rates == (12,))
        assert ("ASPP" in ticks) == (rates == (6, 12, 18, 24))


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
def test_crf_options_are_presets(table):
    named = re.findall(r"--crf ([a-z0-9-]+)", table.crf)
    assert named
    assert set(named) <= set(PRESETS)


@pytest.mark.parametrize(("table", "row"), ROWS)
def test_the_docstring_of_a_recipe_has_its_table_its_scores_and_its_command(table, row):
    text = " ".join((RECIPES[row.recipe].__doc__ or "").split())
    assert f"Table {table.number}," in text
    assert f"`deeplab train {row.recipe} --data DIR`" in text
    for score in (row.miou, row.miou_with_crf):
        assert score is None or re.search(rf"\b{score}0? %", text)


@pytest.mark.parametrize("name", STAGES)
def test_the_docstring_of_a_stage_has_its_command(name):
    assert f"`deeplab train {name} --data DIR`" in (RECIPES[name].__doc__ or "")


@pytest.mark.parametrize("name", sorted(RECIPES.keys() - OURS))
def test_a_network_has_the_classes_of_its_data(name):
    label_set = LABEL_SETS[DATA_SETS[name.split("-")[0]]]
    assert RECIPES[name]().model.num_classes == len(label_set.class_names)


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("voc12-vgg16-largefov", 20_505_429),
        ("voc12-vgg16-largefov-step", 20_505_429),
        ("voc12-vgg16-aspp-s", 37_877_652),
        ("voc12-vgg16-aspp-l", 37_877_652),
        ("voc12-resnet101", 42_543_189),
        ("voc12-resnet101-msc-coco-aug", 42_543_189),
        ("voc12-resnet101-msc-largefov", 42_887_253),
        ("voc12-resnet101-msc-aspp", 44_048_532),
        ("person-part-resnet101-msc-coco-aspp", 43_016_284),
        ("cityscapes-resnet101-aspp", 43_901_068),
        ("pascal-context-resnet101-msc-coco-aspp", 46_924_080),
    ],
)
def test_networks_have_the_parameters_counted_from_the_prototxts(name, count):
    assert count_parameters(single_scale(name)) == count


@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("voc12-vgg16-fov-7x7-r4", 134.3),
        ("voc12-vgg16-fov-4x4-r4", 65.1),
        ("voc12-vgg16-fov-4x4-r8", 65.1),
        ("voc12-vgg16-largefov-step", 20.5),
    ],
)
def test_the_fields_of_view_have_the_parameters_that_table_1_prints(name, millions):
    assert round(count_parameters(single_scale(name)) / 1e6, 1) == millions


def test_every_other_network_of_the_paper_is_built_too():
    configs = {single_scale(name) for name in RECIPES.keys() - OURS}
    assert all(count_parameters(config) > 10_000_000 for config in configs)


def test_a_table_that_has_no_recipes_is_refused_with_those_that_have():
    with pytest.raises(ValueError, match=r"--table 5: .*1 \(field of view.*9 \(Cityscapes val\)"):
        find_table(5)


def test_a_recipe_may_be_a_row_of_two_tables():
    assert [table.number for table in tables_of("voc12-vgg16-largefov")] == [2, 3]
    assert tables_of("voc12-lite") == ()
