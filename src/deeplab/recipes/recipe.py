"""A recipe: all that decides what a run learns, as one frozen record that is also a YAML file."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import ErrorDetails

from deeplab.data.stream import DataConfig
from deeplab.models import ModelConfig
from deeplab.training import TrainConfig


class Recipe(BaseModel, frozen=True, extra="forbid", use_attribute_docstrings=True):
    """One experiment: network, data, and how it learns."""

    name: str
    """What the run and its weights are called."""
    model: ModelConfig
    """The network."""
    data: DataConfig
    """What it learns from."""
    train: TrainConfig
    """How it learns."""

    @model_validator(mode="after")
    def _check_alignment(self) -> "Recipe":
        """Make sure that the last score of a crop and its last label sit on its last pixel."""
        crop_px = self.data.augment.crop_size_px
        for name, stride in (
            ("model.output_stride", self.model.output_stride),
            ("train.loss_stride", self.train.loss_stride),
        ):
            if (crop_px - 1) % stride:
                below = (crop_px - 1) // stride * stride + 1
                raise ValueError(
                    f"data.augment.crop_size_px={crop_px}: has to be a multiple of {name}={stride} "
                    f"plus one, such as {below} or {below + stride}, for labels to meet scores"
                )
        return self

    def to_yaml(self) -> str:
        """Write every setting out, defaults included."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, width=100)


def parse_recipe(text: str, *, source: str) -> Recipe:
    """Read a recipe from YAML.

    Args:
        text: As `Recipe.to_yaml` writes it; settings that are left out keep their defaults.
        source: What error messages call the text.

    Raises:
        ValueError: Not YAML, or a key that is unknown (with the nearest known one) or ill-typed.
    """
    content = _parse_yaml(text, source=source)
    if not isinstance(content, dict):
        raise ValueError(f"{source}: a recipe has the keys {', '.join(Recipe.model_fields)}")
    return _validate(content, source=source)


def override(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """Change settings by their dotted path.

    Args:
        recipe: Left as it is.
        assignments: Such as `train.base_lr=1e-3` or `data.train.0.split=train`; the value is YAML.

    Raises:
        ValueError: No `=`, a key that is unknown (with the nearest known one), or a value that is
            not allowed.
    """
    content = recipe.model_dump(mode="json")
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        if not equals:
            raise ValueError(
                f"--set {assignment}: expected KEY=VALUE, such as train.iterations=100"
            )
        _assign(content, path.split("."), _parse_yaml(value, source=f"--set {assignment}"))
    return _validate(content, source="--set")


def compare(one: Recipe, other: Recipe) -> dict[str, tuple[Any, Any]]:
    """List the settings in which two recipes differ, by dotted path: both values of each."""
    ours, theirs = _settings(one.model_dump()), _settings(other.model_dump())
    return {
        key: (ours.get(key), theirs.get(key))
        for key in ours | theirs
        if ours.get(key) != theirs.get(key)
    }


class _Loader(yaml.SafeLoader):
    """YAML in which 1e-3 is a number, as in YAML 1.2; PyYAML on its own wants 1.0e-3."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


def _parse_yaml(text: str, *, source: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise ValueError(f"{source} is not YAML: {' '.join(str(error).split())}") from None


def _settings(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested settings to `train.base_lr` and the like; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= (
            _settings(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
        )
    return flat


def _assign(content: Any, keys: Sequence[str], value: Any) -> None:
    path = ".".join(keys)
    for place, key in enumerate(keys):
        index = _index(content, key, path, above=".".join(keys[:place]))
        if place == len(keys) - 1:
            content[index] = value
        content = content[index]


def _index(content: Any, key: str, path: str, *, above: str) -> str | int:
    """Find a key among the settings of one level, or an entry in a list."""
    if isinstance(content, list):
        if key.isdigit() and int(key) < len(content):
            return int(key)
        raise ValueError(
            f"--set {path}: {above} has {len(content)} entries, counted from 0, and no {key!r}"
        )
    if not isinstance(content, dict):
        raise ValueError(
            f"--set {path}: {above} is {json.dumps(content)} and has no settings below it; give it "
            f"whole, as in {above}={{key: value}}"
        )
    if key not in content:
        raise ValueError(f"--set: {_unknown_key(path, content)}")
    return key


def _validate(content: Mapping[str, Any], *, source: str) -> Recipe:
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        problems = [_describe(problem) for problem in error.errors()]
        raise ValueError(f"{source}: " + "; ".join(problems)) from None


def _describe(problem: ErrorDetails) -> str:
    path, known = _locate(problem["loc"])
    message = problem["msg"][0].lower() + problem["msg"][1:]
    match problem["type"]:
        case "extra_forbidden":
            return _unknown_key(path, known)
        case "missing":
            return f"{path} is missing"
        case "union_tag_not_found":
            return f"{path}.{problem['ctx']['discriminator'].strip(chr(39))} is missing"
        case "value_error":
            return str(problem["ctx"]["error"])
        case _:
            return f"{path}={json.dumps(problem['input'], default=str)}: {message}"


def _locate(location: Sequence[int | str]) -> tuple[str, list[str]]:
    """Follow an error's location down the schema.

    Returns:
        The path as it is written in a recipe, and the names of the settings beside its last key.
    """
    schema = Recipe.model_json_schema()
    path: list[str] = []
    node: Any = schema
    known: list[str] = []
    for key in location:
        members = node.get("discriminator", {}).get("mapping", {})
        if key in members:  # names the chosen kind of a head, and is no key of the recipe
            node = {"$ref": members[key]}
        elif "anyOf" in node and key not in node.get("properties", {}):
            break  # names a type among several that are allowed
        else:
            path.append(str(key))
            known = list(node.get("properties", {}))
            node = node.get("items") or node.get("properties", {}).get(key, {})
        node = next((choice for choice in node.get("anyOf", []) if "$ref" in choice), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return ".".join(path), known


def _unknown_key(path: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(path.rsplit(".", 1)[-1], names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown setting {path}: {hint}Known here: {', '.join(names)}"
