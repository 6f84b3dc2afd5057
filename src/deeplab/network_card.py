"""The card that every network file carries.

A network file is a self-contained ONNX graph: RGB uint8 pictures (N, H, W, 3) of any size in,
class scores (N, K, h, w) at output stride s out (score (i, j) on pixel (s i, s j), ceil(H / s) rows
or one more); some take other bands. What the numbers mean (class names, colours, stride, where the
weights come from) travels in the file's metadata, as a `NetworkCard`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from deeplab.precisions import PrecisionRecord
from deeplab.preprocessing import Preprocessing

_REQUIRED_KEYS = ("name", "class_names", "palette", "output_stride", "recipe", "provenance")


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
