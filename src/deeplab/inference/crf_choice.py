"""Which CRF is meant: the one a network file brings, a published one, or one written in a file.

Files are YAML of the plainest kind, so that reading and writing them needs no package: `key: value`
lines, one level of indented lines below `bilateral:` and `spatial:`, values as in JSON.
"""

import difflib
import json
import logging
import re
from pathlib import Path
from typing import Any

from deeplab import whole_files
from deeplab.crf import PRESETS, DenseCRF
from deeplab.network_card import NetworkCard

STORED = "stored"
"""Stands for the parameters in the network file."""

DEFAULT_PRESET = "resnet101"
"""What is used where a network file stores none."""

_MACHINE = ("threads", "variant")  # settings of a computer, not of a CRF

_log = logging.getLogger(__name__)


def find_crf(choice: str, card: NetworkCard | None = None) -> DenseCRF:
    """Look up the CRF that a word stands for.

    Args:
        choice: "stored", the name of a preset, or a file (`.yaml`, `.yml`, `.json`).
        card: What the network says about itself; where it stores no parameters, "stored" stands
            for the published ones of ResNet-101, and the log says so.

    Raises:
        ValueError: None of the three, or a file that does not hold CRF parameters.
    """
    if choice == STORED:
        return _stored(card)
    if choice in PRESETS:
        return DenseCRF.preset(choice)
    if Path(choice).suffix in (".yaml", ".yml", ".json"):
        return read_crf(Path(choice))
    near = difflib.get_close_matches(choice, PRESETS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(
        f"CRF {choice!r}: {hint}give a preset ({', '.join(PRESETS)}), a .yaml file of parameters, "
        f"or {STORED!r} for the ones in the network file"
    )


def read_crf(path: Path) -> DenseCRF:
    """Read CRF parameters from a file.

    Args:
        path: YAML as `write_crf` writes it, or JSON; settings that are missing keep their defaults.

    Raises:
        ValueError: The file is missing, or holds something else; the message names file and line.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    text = path.read_text()
    try:
        values = json.loads(text) if text.lstrip().startswith("{") else _parse(text)
        return DenseCRF.from_dict(values)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def write_crf(path: Path, crf: DenseCRF, *, about: str = "") -> None:
    """Write CRF parameters as YAML.

    Args:
        path: The file; replaced only when the new one is complete.
        crf: What to write; threads and instruction set are left out.
        about: Where they come from; becomes a comment.
    """
    lines = [f"# {line}" for line in about.splitlines()]
    for key, value in plain_parameters(crf).items():
        if isinstance(value, dict):
            lines.append(f"{key}:")
            lines += [f"  {inner}: {json.dumps(one)}" for inner, one in value.items()]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    content = "".join(f"{line}\n" for line in lines)
    whole_files.write_atomically(path, lambda file: file.write(content.encode()))


def plain_parameters(crf: DenseCRF) -> dict[str, Any]:
    """List what makes a CRF, as JSON values: without what belongs to one computer or is not set."""
    values = crf.to_dict()
    return {
        key: value for key, value in values.items() if key not in _MACHINE and value is not None
    }


def _stored(card: NetworkCard | None) -> DenseCRF:
    if card is None or card.crf is None:
        name = "these scores" if card is None else f"network {card.name!r}"
        _log.warning(
            "%s: no CRF parameters are stored with it; the published ones of ResNet-101 are taken "
            "(`deeplab crf tune` finds its own)",
            name,
        )
        return DenseCRF.preset(DEFAULT_PRESET)
    try:
        return DenseCRF.from_dict(card.crf)
    except (ValueError, TypeError) as error:
        raise ValueError(f"network {card.name!r}: its CRF parameters: {error}") from error


def _parse(text: str) -> dict[str, Any]:
    """Read `key: value` lines with at most one level of indentation."""
    values: dict[str, Any] = {}
    section: dict[str, Any] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = re.sub(r"(^|\s)#.*$", "", raw).rstrip()
        if not line or line == "---":
            continue
        is_inner = line[0].isspace()
        key, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or (is_inner and (section is None or not value)):
            raise ValueError(f"line {number}: {raw.strip()!r}: write KEY: VALUE, indented once")
        if is_inner and section is not None:
            section[key] = _value(value, number)
        elif value:
            values[key], section = _value(value, number), None
        else:
            values[key] = section = {}
    return values


def _value(text: str, number: int) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if re.fullmatch(r"[\w.+-]+", text):
            return text
        raise ValueError(
            f"line {number}: {text!r} is no value: write a number, a word, or a list as in JSON"
        ) from None
