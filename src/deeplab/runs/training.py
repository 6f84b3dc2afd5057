"""Train a recipe, or go on with a run of it that was interrupted (needs the `train` extra)."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplab.recipes import RECIPES, Recipe, override, parse_recipe
from deeplab.training import Run, Watch
from deeplab.training import train as train_run


def find_recipe(name_or_file: str, assignments: Sequence[str] = ()) -> Recipe:
    """Look a recipe up by name, or read it from a YAML file, and change settings.

    Args:
        name_or_file: A name of `deeplab.recipes.RECIPES`, or the path of a YAML file.
        assignments: Such as `train.base_lr=1e-3`.

    Raises:
        ValueError: Neither a name nor a file, or a setting that is not allowed.
    """
    path = Path(name_or_file)
    if name_or_file in RECIPES:
        recipe = RECIPES[name_or_file]()
    elif path.is_file():
        recipe = parse_recipe(path.read_text(), source=str(path))
    else:
        near = difflib.get_close_matches(name_or_file, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"recipe {name_or_file!r}: neither a recipe nor a YAML file; {hint}"
            f"recipes: {', '.join(RECIPES)}"
        )
    return override(recipe, assignments)


def train(
    recipe: Recipe,
    *,
    data_dir: Path,
    run_dir: Path,
    watch: Watch = lambda progress: None,
) -> Path:
    """Train a recipe, or go on with a run of it that was interrupted.

    Args:
        recipe: What to train.
        data_dir: Folder that relative data roots of the recipe stand in.
        run_dir: Where the run is kept.
        watch: Called with the progress every `train.log_every` steps.

    Returns:
        The best checkpoint.

    Raises:
        ValueError: Data or weights that are missing, or a folder that holds the run of another
            recipe.
    """
    _check_same_recipe(recipe, run_dir)
    sources = tuple(
        source.model_copy(update={"root": data_dir / source.root}) for source in recipe.data.train
    )
    changes: dict[str, object] = {"train": sources}
    if recipe.data.validation:
        root = data_dir / recipe.data.validation.root
        changes["validation"] = recipe.data.validation.model_copy(update={"root": root})
    data = recipe.data.model_copy(update=changes)
    run = Run(recipe.name, recipe.model, data, recipe.train, recipe.to_yaml(), run_dir)
    return train_run(run, watch=watch)


def _check_same_recipe(recipe: Recipe, run_dir: Path) -> None:
    path = run_dir / "recipe.yaml"
    if not path.exists():
        return
    kept = parse_recipe(path.read_text(), source=str(path))
    ours, theirs = _settings(recipe.model_dump()), _settings(kept.model_dump())
    differing = [key for key in ours | theirs if ours.get(key) != theirs.get(key)]
    if differing:
        key = differing[0]
        raise ValueError(
            f"{run_dir} holds a run of another recipe: {len(differing)} settings differ, such as "
            f"{key} ({theirs.get(key)} there, {ours.get(key)} now): choose another folder with "
            "--out, or give the settings it was started with to go on with it"
        )


def _settings(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested settings to `train.base_lr` and the like; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= (
            _settings(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
        )
    return flat
