"""What an evaluation by the rules of Cityscapes says; how it is counted: `cityscapes.py`."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CityscapesScores:
    """The scores of one evaluation: fractions 0..1, NaN where a class is absent.

    Attributes:
        class_iou: IoU of each of the 19 classes.
        class_iiou: iIoU of the 8 classes whose objects are told apart; empty without instance ids.
        category_iou: IoU of each of the 7 categories.
        category_iiou: iIoU of "human" and "vehicle"; empty without instance ids.
        num_pictures: How many pictures were scored.
    """

    class_iou: Mapping[str, float]
    class_iiou: Mapping[str, float]
    category_iou: Mapping[str, float]
    category_iiou: Mapping[str, float]
    num_pictures: int

    def means(self) -> dict[str, float]:
        """Average each kind of score over what is not absent; NaN where nothing is left."""
        return {
            "class_iou": _mean(self.class_iou),
            "class_iiou": _mean(self.class_iiou),
            "category_iou": _mean(self.category_iou),
            "category_iiou": _mean(self.category_iiou),
        }

    def as_dict(self) -> dict[str, Any]:
        """Give all scores for JSON, which has no NaN: absent ones are None.

        The means stand under their names in cityscapesscripts too.
        """
        means = self.means()
        document: dict[str, Any] = {f"mean_{name}": value for name, value in means.items()}
        document |= {alias: means[ours] for alias, ours in ALIASES.items()}
        document = {name: _or_none(value) for name, value in document.items()}
        for name in means:
            values: Mapping[str, float] = getattr(self, name)
            document[name] = {key: _or_none(value) for key, value in values.items()}
        return document | {"num_pictures": self.num_pictures, "absent": "left out (NaN)"}

    def to_json(self, about: Mapping[str, Any]) -> str:
        """Write `as_dict` as JSON text.

        Args:
            about: What was evaluated and how; stored under "about".
        """
        return json.dumps({"about": dict(about), **self.as_dict()}, indent=2) + "\n"


ALIASES = {
    "averageScoreClasses": "class_iou",
    "averageScoreInstClasses": "class_iiou",
    "averageScoreCategories": "category_iou",
    "averageScoreInstCategories": "category_iiou",
}
"""What cityscapesscripts calls the means."""


def _mean(values: Mapping[str, float]) -> float:
    there = [value for value in values.values() if not math.isnan(value)]
    return sum(there) / len(there) if there else math.nan


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
