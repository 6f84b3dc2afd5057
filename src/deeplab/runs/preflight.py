"""The check before training: is this the run of the paper that its name says it is?

Nothing is trained and nothing written; label maps are looked at in part. It takes a second or two.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deeplab.data.stream import DataConfig
from deeplab.recipes import RECIPES, STAGES, Recipe, Table, compare, tables_of
from deeplab.runs.findings import Findings
from deeplab.runs.preflight_data import look_at_data
from deeplab.runs.preflight_network import look_at_network
from deeplab.training import check_classes

_NO_MATTER = {
    "name",
    "train.accelerator",
    "train.checkpoint_every",
    "train.log_every",
    "train.num_workers",
    "train.seed",
}
"""Settings that decide how a run goes, and not what it is."""


def preflight(asked: Recipe, *, resolved: Recipe, data: DataConfig) -> Findings:
    """Look a run over.

    Args:
        asked: The recipe as it was asked for.
        resolved: The same, with what it leaves to the data looked up.
        data: Its data, where they are.

    Raises:
        ValueError: The run cannot start: data or starting weights are missing or do not fit.
    """
    found, class_names, num_pictures = look_at_data(data)
    check_classes(resolved.model, class_names)
    return (
        look_at_recipe(asked)
        + found
        + look_at_network(resolved.model, resolved.train, class_names)
        + look_at_steps(resolved, num_pictures)
    )


def look_at_recipe(recipe: Recipe) -> Findings:
    """Say what a recipe reproduces, which settings are ours, and which were changed."""
    tables = tables_of(recipe.name)
    changes = tuple(_changes(recipe))
    if not tables and recipe.name not in STAGES:
        told = (f"set: {change}" for change in changes)
        return Findings((f"{recipe.name}: no recipe of the paper", *told))
    facts = [f"{recipe.name}: {_aim(table, recipe.name)}" for table in tables]
    if recipe.name in STAGES:
        facts.append(f"{recipe.name}: {STAGES[recipe.name]}")
    ours = dict.fromkeys(table.ours for table in tables if table.ours)
    warnings = [f"not published, so ours: {sentence}" for sentence in ours]
    warnings += [f"not as in the paper's recipe: {change}" for change in changes]
    return Findings(tuple(facts), tuple(warnings))


def look_at_steps(recipe: Recipe, num_pictures: int) -> Findings:
    """Count crops: of a step, of the run, and of each picture."""
    train = recipe.train
    per_step = train.batch_size * train.accumulate * train.devices
    parts = f"batches of {train.batch_size}, {train.accumulate} to a step"
    if train.devices > 1:
        parts += f", on {train.devices} devices"
    crops = per_step * train.iterations
    fact = (
        f"steps: {train.iterations} of {per_step} crops ({parts}): {crops} crops, "
        f"{crops / num_pictures:.1f} of each picture"
    )
    return Findings((fact,))


def _aim(table: Table, name: str) -> str:
    (row,) = (row for row in table.rows if row.recipe == name)
    with_crf = f", {row.miou_with_crf:g} % with CRF" if row.miou_with_crf else ""
    return f"Table {table.number} of the paper ({table.title}): {row.miou:g} % mIoU{with_crf}"


def _changes(recipe: Recipe) -> Iterator[str]:
    """Name the settings that are not those of the recipe of the same name."""
    if recipe.name not in RECIPES:
        return
    for key, (here, there) in compare(recipe, RECIPES[recipe.name]()).items():
        if key not in _NO_MATTER:
            yield f"{key} is {_written(here)} here, {_written(there)} there"


def _written(value: Any) -> str:
    if isinstance(value, tuple) and value and isinstance(value[0], dict):  # sources of data
        return ", ".join((one["root"] / one["split"]).as_posix() for one in value)
    return json.dumps(value, default=_plain)


def _plain(value: object) -> str:
    return value.as_posix() if isinstance(value, Path) else str(value)
