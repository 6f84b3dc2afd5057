"""What the values or colours in label maps mean, as it was found out."""

from collections.abc import Mapping
from dataclasses import dataclass

from deeplab.data.coding import LabelCoding
from deeplab.labels import LabelSet


@dataclass(frozen=True)
class Classes:
    """What label maps mean.

    Attributes:
        label_set: The classes.
        coding: Their values or colours, and those of void.
        label_of: The label of each value, or colour (as `survey.to_code`), that occurs; 255: void.
        notes: What was assumed, one sentence each.
    """

    label_set: LabelSet
    coding: LabelCoding
    label_of: Mapping[int, int]
    notes: tuple[str, ...]
