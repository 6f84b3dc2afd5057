"""The published weight files, and the card that every network file carries.

A network file is a self-contained ONNX graph: RGB uint8 pictures (N, H, W, 3) of any size in,
class scores (N, K, h, w) at output stride s out (score (i, j) on pixel (s i, s j), ceil(H / s) rows
or one more); some take other bands. What the numbers mean (class names, colours, stride, where the
weights come from) travels in the file's metadata, as a `NetworkCard`.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deeplab.cache import imported_dir
from deeplab.precisions import PrecisionRecord
from deeplab.preprocessing import Preprocessing
from deeplab.registry import ELSEWHERE

DEFAULT = "voc12-lite"
"""The published weights that are used when nobody names any."""

_REQUIRED_KEYS = ("name", "class_names", "palette", "output_stride", "recipe", "provenance")

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


PUBLISHED: dict[str, PublishedWeights] = {
    "voc12-lite": PublishedWeights(
        name="voc12-lite",
        network_file="voc12-lite.onnx",
        network_sha256="09cbd84488c318aada600ca9440df784caa974b1b2367ae2c245d68d69033d60",
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
    ),
}
"""Every published network by name."""


@dataclass(frozen=True)
class NetworkCard:
    """What a network file says about itself.

    Attributes:
        name: Name of the network.
        class_names: K names; the position is the label.
        palette: K colours, RGB 0..255.
        output_stride: Pixels from one class score to the next.
        recipe: The full recipe it was trained with, as YAML text.
        provenance: Where the weights come from: data, commit, hours, licence remarks.
        longest_side: Pixels of the longest picture side the network is made for; larger pictures
            are shrunk to it before they are scored. None: pictures are scored as they are.
        crf: Parameters of the fully connected CRF that were tuned for this network, as
            `DenseCRF.from_dict` takes them. None: nobody has tuned them.
        num_bands: Bands of the pictures that it takes, 3 being RGB; see `bands.read_bands`.
        preprocessing: What is done to pixels before they are scored. Network files do it
            themselves, and only say it here. None: the file is of an older version.
        precisions: What was measured to change when the network is computed in fewer bits, by
            precision, such as "bf16", see `deeplab benchmark --store`; "int8" of a quantised file.
        inner_scales: Sizes at which the file itself scores every picture, see `Segmenter`, the
            largest first; its class scores lie on the grid of that one.
        inner_flip: The file scores mirrored pictures too, by itself.
    """

    name: str
    class_names: tuple[str, ...]
    palette: tuple[tuple[int, int, int], ...]
    output_stride: int
    recipe: str
    provenance: dict[str, str]
    longest_side: int | None = None
    crf: dict[str, Any] | None = None
    num_bands: int = 3
    preprocessing: Preprocessing | None = None
    precisions: dict[str, PrecisionRecord] = field(default_factory=dict)
    inner_scales: tuple[float, ...] = (1.0,)
    inner_flip: bool = False

    def __post_init__(self) -> None:
        """Refuse values that do not fit together."""
        if not self.class_names or len(self.palette) != len(self.class_names):
            raise ValueError(
                f"network card {self.name!r}: {len(self.class_names)} class names and "
                f"{len(self.palette)} colours; give at least one class, and a colour for each"
            )
        if self.output_stride < 1:
            raise ValueError(f"network card {self.name!r}: output stride {self.output_stride} < 1")
        if self.longest_side is not None and self.longest_side < 1:
            raise ValueError(f"network card {self.name!r}: longest side {self.longest_side} < 1")
        if self.num_bands < 1:
            raise ValueError(f"network card {self.name!r}: {self.num_bands} bands < 1")
        if not self.inner_scales or not all(scale > 0 for scale in self.inner_scales):
            raise ValueError(
                f"network card {self.name!r}: inner scales {self.inner_scales}; give one or more, "
                "above 0"
            )

    @property
    def fuses_scales(self) -> bool:
        """Whether the file itself scores every picture at other scales or mirrored."""
        return self.inner_flip or self.inner_scales != (1.0,)

    def to_metadata(self) -> dict[str, str]:
        """Write the card as key-value text for the metadata of an ONNX file (values are JSON)."""
        return {
            "name": json.dumps(self.name),
            "class_names": json.dumps(self.class_names),
            "palette": json.dumps(self.palette),
            "output_stride": json.dumps(self.output_stride),
            "recipe": json.dumps(self.recipe),
            "provenance": json.dumps(self.provenance),
            "longest_side": json.dumps(self.longest_side),
            "crf": json.dumps(self.crf),
            "num_bands": json.dumps(self.num_bands),
            "preprocessing": json.dumps(self.preprocessing and self.preprocessing.to_plain()),
            "precisions": json.dumps(
                {name: record.to_plain() for name, record in self.precisions.items()}
            ),
            "inner_scales": json.dumps(self.inner_scales),
            "inner_flip": json.dumps(self.inner_flip),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> "NetworkCard":
        """Read the card back from the metadata of an ONNX file; keys of others are left alone.

        Raises:
            ValueError: Keys are missing (the message names them) or hold something else than
                `to_metadata` writes.
        """
        missing = [key for key in _REQUIRED_KEYS if key not in metadata]
        if missing:
            raise ValueError(
                f"the network's metadata lacks {', '.join(missing)}; "
                "make network files with `deeplab export`, which writes them"
            )
        try:
            # Files of older versions lack these.
            side = json.loads(metadata.get("longest_side", "null"))
            crf = json.loads(metadata.get("crf", "null"))
            plain = json.loads(metadata.get("preprocessing", "null"))
            precisions = json.loads(metadata.get("precisions", "{}"))
            scales = json.loads(metadata.get("inner_scales", "[1.0]"))
            values: dict[str, Any] = {key: json.loads(metadata[key]) for key in _REQUIRED_KEYS}
            return cls(
                name=str(values["name"]),
                class_names=tuple(str(name) for name in values["class_names"]),
                palette=tuple((int(r), int(g), int(b)) for r, g, b in values["palette"]),
                output_stride=int(values["output_stride"]),
                recipe=str(values["recipe"]),
                provenance={str(key): str(value) for key, value in values["provenance"].items()},
                longest_side=None if side is None else int(side),
                crf=None if crf is None else {str(key): value for key, value in crf.items()},
                num_bands=int(json.loads(metadata.get("num_bands", "3"))),
                preprocessing=None if plain is None else Preprocessing.from_plain(plain),
                precisions={
                    str(name): PrecisionRecord.from_plain(record)
                    for name, record in precisions.items()
                },
                inner_scales=tuple(sorted((float(scale) for scale in scales), reverse=True)),
                inner_flip=bool(json.loads(metadata.get("inner_flip", "false"))),
            )
        except (TypeError, AttributeError, ValueError) as error:
            raise ValueError(f"the network's metadata cannot be read: {error}") from error


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
