"""A foreign checkpoint as a network of ours, with a card that says where it comes from."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from deeplab.labels import CITYSCAPES, COCO91, PASCAL_CONTEXT, PERSON_PART, VOC12, LabelSet, named
from deeplab.models.deeplab import ModelConfig
from deeplab.models.foreign.layout import Converted
from deeplab.models.foreign.layouts import find_layout
from deeplab.network_card import NetworkCard

_LABEL_SETS = {
    len(one.class_names): one for one in (VOC12, PASCAL_CONTEXT, PERSON_PART, CITYSCAPES, COCO91)
}
_NO_HEAD = "none in the file: the last layers are random; model.init takes the backbone"


@dataclass(frozen=True)
class Opened:
    """What a foreign checkpoint is.

    Attributes:
        config: The network.
        weights: Its state dict, as far as the file has it; nothing has been checked yet.
        card: Class names by the number of classes, and provenance.
        layout: Name of the layout.
    """

    config: ModelConfig
    weights: dict[str, Tensor]
    card: NetworkCard
    layout: str


def open_foreign(path: Path, tensors: Mapping[str, Tensor], *, layout: str | None = None) -> Opened:
    """Convert a foreign checkpoint.

    Args:
        path: Where it lies.
        tensors: What it holds.
        layout: Its layout, a name in `LAYOUTS`; None: told by the names of the tensors.

    Raises:
        ValueError: The layout is not known, or the network is none of ours; the message begins with
            the path.
    """
    try:
        known = find_layout(tensors, layout)
        found = known.convert(tensors)
        card = _card(path, known.name, found)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    return Opened(found.config, found.weights, card, known.name)


def _card(path: Path, layout: str, found: Converted) -> NetworkCard:
    labels, remark = _label_set(int(found.config.num_classes))
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    provenance = {"file": path.name, "sha256": sha256, "layout": layout, "class names": remark}
    if found.ignored:
        provenance["left out"] = f"{len(found.ignored)} tensors, such as {found.ignored[0]}"
    if not any(name.startswith("head.") for name in found.weights):
        provenance["head"] = _NO_HEAD
    return NetworkCard(
        name=path.stem,
        class_names=labels.class_names,
        palette=labels.palette,
        output_stride=found.config.output_stride,
        recipe="",
        provenance=provenance | found.remarks,
        num_bands=found.config.in_channels,
    )


def _label_set(num_classes: int) -> tuple[LabelSet, str]:
    """Name classes by their number; the second value says how they are known."""
    known = _LABEL_SETS.get(num_classes)
    if known is not None:
        return known, f"those of {known.name}, which has as many; the file does not say them"
    names = [f"class {number}" for number in range(num_classes)]
    return named(names), "numbers: the file does not say them"
