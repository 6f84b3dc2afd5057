"""What decides numbers, short enough to be kept beside them, and how two such accounts differ."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deeplab.inference.choose_engine import weights_path
from deeplab.inference.network_file import hash_network
from deeplab.weights import PUBLISHED

_MOST_SHOWN = 60  # characters of a value


@dataclass(frozen=True)
class Difference:
    """One setting that is not what it was.

    Attributes:
        key: What differs, in words.
        kept: What it was; None: it was not set, or not known.
        ours: What it is now.
    """

    key: str
    kept: Any
    ours: Any

    def __str__(self) -> str:
        """Say what there was and what there is."""
        return f"{self.key} is {_short(self.kept)} there and {_short(self.ours)} now"

    def as_change(self) -> str:
        """Say the same as a change, such as "scales 1 -> 0.5, 1"."""
        return f"{self.key} {_short(_in_words(self.kept))} -> {_short(_in_words(self.ours))}"


def hash_weights(weights: str | Path) -> str:
    """Know weights by the content of their file, whatever it is called: SHA-256, in hexadecimal.

    Args:
        weights: A published name, a network file or a checkpoint.

    Raises:
        ValueError: There is no such file.
    """
    published = PUBLISHED.get(str(weights))
    if published is not None:  # which is compared with the file whenever that is opened
        return published.network_sha256
    return hash_network(weights_path(weights))


def differences(kept: Mapping[str, Any], ours: Mapping[str, Any]) -> list[Difference]:
    """List where two descriptions differ; of nested ones each part.

    Args:
        kept: JSON values, as read from a file.
        ours: What would be JSON values there.
    """
    return list(_differences(kept, json.loads(json.dumps(ours)), ""))


def _differences(
    kept: Mapping[str, Any], ours: Mapping[str, Any], above: str
) -> Iterator[Difference]:
    for key in {**ours, **kept}:
        one, other = kept.get(key), ours.get(key)
        if one == other:
            continue
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{above}{key} ")
        else:
            yield Difference(f"{above}{key}", one, other)


def _in_words(value: Any) -> str:
    if value is None or value == []:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, list):
        return ", ".join(map(_in_words, value))
    if isinstance(value, dict):
        return ", ".join(f"{key} {_in_words(one)}" for key, one in value.items())
    return str(value)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
