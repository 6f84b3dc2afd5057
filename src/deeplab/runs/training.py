"""Train a recipe, or go on with a run of it that was interrupted (needs the `train` extra)."""

import difflib
import logging
from collections.abc import Sequence
from pathlib import Path

from deeplab.data import describe, open_split
from deeplab.data.check import quick_check
from deeplab.data.measure import measure_bands
from deeplab.data.stream import DataConfig, SourceConfig
from deeplab.models import ModelConfig
from deeplab.recipes import RECIPES, Recipe, compare, override, parse_recipe
from deeplab.runs.preflight import preflight
from deeplab.training import Run, Watch, check_class_names
from deeplab.training import train as train_run

_log = logging.getLogger(__name__)


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

    What the recipe leaves to the data (classes, mean and spread of bands) is looked up there, and
    stands in the recipe that is kept with the run. What `check` finds is logged first.

    Args:
        recipe: What to train.
        data_dir: Folder that relative data roots of the recipe stand in; or, where the recipe
            takes the folder itself (".", as `finetune` does), a `data.yaml`.
        run_dir: Where the run is kept.
        watch: Called with the progress every `train.log_every` steps.

    Returns:
        The best checkpoint.

    Raises:
        ValueError: Data or weights that are missing, or a folder that holds the run of another
            recipe.
    """
    run = check(recipe, data_dir=data_dir, run_dir=run_dir)
    return train_run(run, watch=watch)


def check(recipe: Recipe, *, data_dir: Path, run_dir: Path) -> Run:
    """Look a run over before it starts, and log what was found; nothing is written.

    Args:
        recipe: See `train`; likewise the others.
        data_dir: See there.
        run_dir: See there.

    Returns:
        The run, ready to start.

    Raises:
        ValueError: It cannot start; see `train`.
    """
    data = _below(recipe.data, data_dir)
    kept = _kept_recipe(run_dir)
    resolved = _resolve(recipe, data, kept)
    if kept is not None:
        _check_same_recipe(resolved, kept, run_dir)
    if resolved.model.in_channels == 3:  # the check reads photos
        _check_data(data)
    found = preflight(recipe, resolved=resolved, data=data)
    for fact in found.facts:
        _log.info("%s", fact)
    for warning in found.warnings:
        _log.warning("%s", warning)
    return Run(resolved.name, resolved.model, data, resolved.train, resolved.to_yaml(), run_dir)


def _below(data: DataConfig, data_dir: Path) -> DataConfig:
    """Say where the sources of a recipe are."""
    sources = tuple(
        source.model_copy(update={"root": data_dir / source.root}) for source in data.train
    )
    changes: dict[str, object] = {"train": sources}
    if data.validation:
        root = data_dir / data.validation.root
        changes["validation"] = data.validation.model_copy(update={"root": root})
    return data.model_copy(update=changes)


def _kept_recipe(run_dir: Path) -> Recipe | None:
    path = run_dir / "recipe.yaml"
    return parse_recipe(path.read_text(), source=str(path)) if path.exists() else None


def _resolve(recipe: Recipe, data: DataConfig, kept: Recipe | None) -> Recipe:
    """Look up what the recipe leaves to the data; a run that goes on keeps what was found."""
    model = recipe.model
    changes: dict[str, object] = {}
    if model.num_classes == "auto" and data.train:
        changes["num_classes"] = _num_classes(data.train[0])
    if model.in_channels != 3 and model.mean is None and data.train:
        if kept is not None and kept.model.in_channels == model.in_channels:
            changes |= {"mean": kept.model.mean, "std": kept.model.std}
        else:
            mean, std = _bands(data.train[0], model.in_channels)
            changes |= {"mean": mean, "std": std}
    if not changes:
        return recipe
    resolved = ModelConfig.model_validate(model.model_dump() | changes)
    return recipe.model_copy(update={"model": resolved})


def _num_classes(source: SourceConfig) -> int:
    class_names = describe(source.root).label_set.class_names
    check_class_names(class_names)
    return len(class_names)


def _bands(source: SourceConfig, num_bands: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    description = describe(source.root)
    if len(description.mean) == num_bands:
        return description.mean, description.std
    _log.info("measuring the %d bands of the training pictures", num_bands)
    return measure_bands(open_split(source.root, source.split).samples, num_bands)


def _check_data(data: DataConfig) -> None:
    """Look at the data quickly: faults that would stop or spoil the run are told before it.

    Raises:
        ValueError: There are some; the message names the first of them and what to do.
    """
    sources = [*data.train, *([data.validation] if data.validation else [])]
    splits: dict[Path, list[str]] = {}
    for source in sources:
        splits.setdefault(source.root, []).append(source.split)
    for root, names in splits.items():
        description = describe(root)
        for name in names:
            description.split(name)  # what is not there at all is told in fewer words
        findings = quick_check(root, names)
        errors = [finding for finding in findings if finding.severity == "error"]
        for finding in findings:
            if finding.severity == "warning":
                _log.warning("%s: %s", root, finding.summary())
        if errors:
            more = f" (and {len(errors) - 1} other faults)" if len(errors) > 1 else ""
            raise ValueError(
                f"{root}: {errors[0].summary()}{more}. `deeplab data check {root}` shows all"
            )


def _check_same_recipe(recipe: Recipe, kept: Recipe, run_dir: Path) -> None:
    differing = compare(recipe, kept)
    if differing:
        key, (ours, theirs) = next(iter(differing.items()))
        raise ValueError(
            f"{run_dir} holds a run of another recipe: {len(differing)} settings differ, such as "
            f"{key} ({theirs} there, {ours} now): choose another folder with "
            "--out, or give the settings it was started with to go on with it"
        )
