"""The experiments: one function a recipe, one table of their names."""

from collections.abc import Callable

from deeplab.recipes.light import finetune as finetune
from deeplab.recipes.light import voc12_lite as voc12_lite
from deeplab.recipes.recipe import Recipe as Recipe
from deeplab.recipes.recipe import override as override
from deeplab.recipes.recipe import parse_recipe as parse_recipe

RECIPES: dict[str, Callable[[], Recipe]] = {
    "voc12-lite": voc12_lite,
    "finetune": finetune,
}
"""Every recipe by name."""
