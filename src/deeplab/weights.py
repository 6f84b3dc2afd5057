"""The published weight files, and which file the name of weights stands for."""

import difflib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from deeplab.cache import imported_dir
from deeplab.registry import ELSEWHERE

DEFAULT = "voc12-lite"
"""The published weights that are used when nobody names any."""

INTEGER_SUFFIX = ".int8.onnx"
"""How the names of networks in integers of 8 bits end."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.IGNORECASE)

_PUBLISHED_DIR = Path(__file__).parent / "published"


@dataclass(frozen=True)
class PublishedWeights:
    """One published network: its files, their hashes, and the score we measured with it.

    Attributes:
        name: What users type.
        network_file: The ONNX file, inside the package folder `published/`.
        network_sha256: Its SHA-256, in hexadecimal.
        checkpoint_file: The safetensors file to go on training from, in the same folder.
        checkpoint_sha256: Its SHA-256, in hexadecimal.
        integer_sha256: That of its file in integers of 8 bits, see `integer_path`; "" without one.
        num_classes: Classes it scores, background included.
        preprocessing: What the network does to RGB 0..255 first, in words.
        recipe: Name of the recipe that trained it.
        miou: Mean IoU that we measured, 0..1.
        score_protocol: On which pictures and how `miou` was measured.
        network: Which network it is, in words.
        trained_on: Names in `registry.DATA_SETS`, those of its start included.
        licence: Of the files.
    """

    name: str
    network_file: str
    network_sha256: str
    checkpoint_file: str
    checkpoint_sha256: str
    num_classes: int
    preprocessing: str
    recipe: str
    miou: float
    score_protocol: str
    network: str = ""
    trained_on: tuple[str, ...] = ()
    licence: str = "none stated"
    integer_sha256: str = ""


PUBLISHED: dict[str, PublishedWeights] = {
    "voc12-lite": PublishedWeights(
        name="voc12-lite",
        network_file="voc12-lite.onnx",
        network_sha256="0b32cbc153ff57aac3d236491dd647562916c0308f06733afea62bf358a789cb",
        checkpoint_file="voc12-lite.safetensors",
        checkpoint_sha256="8db481597c8e2cfa189e11fa0963a206cdda4be7f3fc3e77a213167b5070d08c",
        num_classes=21,
        preprocessing="RGB, (x - 127.5) / 127.5",
        recipe="voc12-lite",
        miou=0.6463,
        score_protocol="val_here (368 of seg11valid), single scale, no CRF (with it: 0.6631)",
        network="EfficientNet-Lite2, ASPP",
        trained_on=("imagenet", "voc2012", "sbd", "coco"),
        licence="Apache-2.0",
        integer_sha256="50f193b560311cc437003b2af4aa8617f7aaa6a2130d6c600c1326ba7f6be949",
    ),
}
"""Every published network by name."""


def resolve_network(weights: str | Path) -> Path:
    """Find the network file (ONNX) that a name or a path stands for.

    Args:
        weights: A published name, such as "voc12-lite", a name given by `deeplab weights import`,
            or the path of a network file.

    Raises:
        ValueError: Neither a known name nor a file, or a published file that is damaged.
    """
    return _resolve(weights, suffix=".onnx")


def resolve_checkpoint(weights: str | Path) -> Path:
    """Find the checkpoint (safetensors) that a name or a path stands for.

    Args:
        weights: A published name, such as "voc12-lite", a name given by `deeplab weights import`,
            or the path of a checkpoint.

    Raises:
        ValueError: Neither a known name nor a file, or a published file that is damaged.
    """
    return _resolve(weights, suffix=".safetensors")


def integer_path(network_path: Path) -> Path | None:
    """Find the network in integers of 8 bits that lies beside a network file: NAME.int8.onnx.

    Args:
        network_path: NAME.onnx, one of ours or of users.

    Returns:
        None: there is none.

    Raises:
        ValueError: One of ours that is damaged.
    """
    path = network_path.with_suffix(INTEGER_SUFFIX)
    if not path.is_file():
        return None
    for record in PUBLISHED.values():
        if network_path == published_path(record.network_file):
            return _checked(path.name, record.integer_sha256)
    return path


def is_weights_name(word: str) -> bool:
    """Tell whether a word is the name of weights that are here: published by us, or imported."""
    return word in PUBLISHED or any(
        imported_file(word, suffix) is not None for suffix in (".onnx", ".safetensors")
    )


def imported_file(name: str, suffix: str) -> Path | None:
    """Find what `deeplab weights import` wrote under a name; None: there is nothing.

    Args:
        name: As it was given; what is no name, such as a path, is never found.
        suffix: `.onnx` or `.safetensors`.
    """
    if not is_good_name(name):
        return None
    path = imported_dir() / f"{name}{suffix}"
    return path if path.is_file() else None


def is_good_name(name: str) -> bool:
    """Tell whether weights can have this name: letters, digits, `.`, `_`, `-`."""
    return _NAME.fullmatch(name) is not None and not name.endswith((".onnx", ".safetensors"))


def _resolve(weights: str | Path, *, suffix: str) -> Path:
    record = PUBLISHED.get(str(weights))
    if record is not None and suffix == ".onnx":
        return _checked(record.network_file, record.network_sha256)
    if record is not None:
        return _checked(record.checkpoint_file, record.checkpoint_sha256)
    imported = imported_file(str(weights), suffix)
    if imported is not None:
        return imported
    path = Path(weights)
    if path.is_dir():
        raise ValueError(f"weights {weights}: this is a folder; give the {suffix} file in it")
    if not path.is_file():
        raise ValueError(_unknown_weights(str(weights), suffix))
    return path


def published_path(file_name: str) -> Path:
    """Say where a file that comes with deeplab lies, unchecked."""
    return _PUBLISHED_DIR / file_name


def _checked(file_name: str, sha256: str) -> Path:
    path = published_path(file_name)
    if not path.is_file():
        raise ValueError(f"published weights {path} are missing; install deeplabkit again")
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != sha256:
        raise ValueError(
            f"published weights {path} are damaged (SHA-256 {found[:12]}..., "
            f"expected {sha256[:12]}...); install deeplabkit again"
        )
    return path


def _unknown_weights(weights: str, suffix: str) -> str:
    if weights in ELSEWHERE:
        return (
            f"weights {weights}: published elsewhere and not imported yet; "
            f"`deeplab weights fetch {weights}`, then `deeplab weights import {weights}`"
        )
    other_suffix = {".onnx": ".safetensors", ".safetensors": ".onnx"}[suffix]
    if imported_file(weights, other_suffix) is not None:
        return f"weights {weights}: imported without its {suffix} file; import it again"
    known = ", ".join(PUBLISHED) or "none in this installation"
    near = difflib.get_close_matches(weights, [*PUBLISHED, *ELSEWHERE], n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return (
        f"weights {weights!r}: neither a published name nor a file; {hint}"
        f"give the path of a {suffix} file or a published name ({known})"
    )
