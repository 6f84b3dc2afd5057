"""In how many bits networks compute, and what is known of the harm that fewer bits do.

float32 ("f32") is what networks are trained and measured in. bfloat16 ("bf16") keeps 8 of its 24
bits; processors that have it are two to four times as fast. Networks that compute in integers of 8
bits ("int8") are in a file of their own, beside that in float32; every processor runs them.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Precision = Literal["f32", "bf16", "int8"]
"""What a network can be asked to compute in."""

MOST_MIOU_CHANGE = 0.002
"""Of mean IoU, 0..1, in either direction: more is harm."""

LEAST_SAME_LABELS = 0.97
"""Of all pixels: fewer is harm."""


@dataclass(frozen=True)
class PrecisionRecord:
    """What a precision was measured to change in one network, against float32.

    Attributes:
        miou_change: Mean IoU minus that of float32, -1..1.
        same_labels: Pixels with the label that float32 gives them, 0..1.
        data: The data set and its split, in words.
        num_pictures: How many of them were scored.
        engine: What computed it, and on which processor, in words.
    """

    miou_change: float
    same_labels: float
    data: str
    num_pictures: int
    engine: str

    @property
    def is_harmless(self) -> bool:
        """Whether the network may be run so without being asked for it."""
        return abs(self.miou_change) <= MOST_MIOU_CHANGE and self.same_labels >= LEAST_SAME_LABELS

    def to_plain(self) -> dict[str, Any]:
        """Give JSON values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "PrecisionRecord":
        """Read what `to_plain` gives.

        Raises:
            ValueError: Something else.
        """
        try:
            return cls(
                miou_change=float(values["miou_change"]),
                same_labels=float(values["same_labels"]),
                data=str(values["data"]),
                num_pictures=int(values["num_pictures"]),
                engine=str(values["engine"]),
            )
        except KeyError as error:
            raise ValueError(f"the record of a precision lacks {error}") from None
