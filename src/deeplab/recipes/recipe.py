"""A recipe: all that decides what a run learns, as one frozen record that is also a YAML file."""

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from deeplab.data import DataConfig
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
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"{source} is not YAML: {error}") from None
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
        _assign(content, path.split("."), _parse_value(value), path)
    return _validate(content, source="--set")


def _parse_value(value: str) -> Any:
    parsed = yaml.safe_load(value)
    if isinstance(parsed, str):
        try:
            return float(parsed)  # YAML wants a dot in 1e-3, people do not
        except ValueError:
            pass
    return parsed


def _assign(content: Any, keys: Sequence[str], value: Any, path: str) -> None:
    for key in keys[:-1]:
        content = _descend(content, key, path)
    _descend(content, keys[-1], path)
    content[int(keys[-1]) if isinstance(content, list) else keys[-1]] = value


def _descend(content: Any, key: str, path: str) -> Any:
    if isinstance(content, list):
        if key.isdigit() and int(key) < len(content):
            return content[int(key)]
        raise ValueError(f"{path}: {key!r} is not one of the entries 0..{len(content) - 1}")
    if not isinstance(content, dict):
        raise ValueError(f"{path}: there are no settings below {content!r}")
    if key not in content:
        raise ValueError(_unknown_key(key, path, content))
    return content[key]


def _validate(content: Mapping[str, Any], *, source: str) -> Recipe:
    try:
        return Recipe.model_validate(content)
    except ValidationError as error:
        problems = [_describe(problem, content) for problem in error.errors()]
        raise ValueError(f"{source}: " + "; ".join(problems)) from None


def _describe(problem: Any, content: Any) -> str:
    # Discriminated unions put the chosen kind into the location; it is no key of the file.
    keys: list[str] = []
    for key in problem["loc"]:
        if isinstance(content, dict) and key not in content and key in ("aspp", "largefov"):
            continue
        keys.append(str(key))
        content = (
            content[key] if isinstance(content, dict | list) and _holds(content, key) else None
        )
    path = ".".join(keys)
    if problem["type"] == "extra_forbidden":
        return _unknown_key(keys[-1], path, _known_keys(problem["loc"]))
    if problem["type"] == "missing":
        return f"{path} is missing"
    return f"{path}={problem['input']!r}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _holds(content: Any, key: Any) -> bool:
    return (
        key in content if isinstance(content, dict) else isinstance(key, int) and key < len(content)
    )


def _known_keys(location: Sequence[int | str]) -> list[str]:
    """Names allowed where an unknown key stood, read from the schema."""
    schema = Recipe.model_json_schema()
    node: Any = schema
    for key in location[:-1]:
        node = (
            node.get("properties", {}).get(key, node) if not isinstance(key, int) else node["items"]
        )
        if "discriminator" in node and key in node["discriminator"]["mapping"]:
            node = {"$ref": node["discriminator"]["mapping"][key]}
        for choice in node.get("anyOf", []):
            node = choice if "$ref" in choice else node
        while "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return list(node.get("properties", {}))


def _unknown_key(key: str, path: str, known: Sequence[str] | Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, list(known), n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"unknown setting {path}: {hint}Known here: {', '.join(known)}"


def read_recipe(path: Path) -> Recipe:
    """Read a recipe file."""
    return parse_recipe(path.read_text(), source=str(path))
