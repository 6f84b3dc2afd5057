"""What can be wrong with a data set: each kind with what it means and what to do about it.

An *error* stops training or makes it learn something else than what was meant; with a *warning*
training works but its result, or its scores, will be worse (or look better) than they should; a
*note* is worth knowing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Severity = Literal["error", "warning", "note"]

_MOST_SHOWN = 5


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes:
        name: What it is called.
        severity: How bad it is.
        title: What was found.
        meaning: Why it matters.
        advice: What to do.
        remedy: What `--fix` does about it; empty: nothing.
        leaves_out: Whether that is to leave the pictures out of their splits.
    """

    name: str
    severity: Severity
    title: str
    meaning: str
    advice: str
    remedy: str = ""
    leaves_out: bool = False


@dataclass(frozen=True)
class Place:
    """One picture at fault.

    Attributes:
        split: Of the data set.
        name: The picture's, within its split.
        picture_path: Its file, if there is one.
        label_path: Its label map, if there is one.
        detail: What is wrong with it in particular.
        other_path: Another picture to look at beside it.
    """

    split: str
    name: str
    picture_path: Path | None = None
    label_path: Path | None = None
    detail: str = ""
    other_path: Path | None = None

    def __str__(self) -> str:
        """Say where it is, and what is wrong with it."""
        detail = f" ({self.detail})" if self.detail else ""
        return f"{self.split}/{self.name}{detail}" if self.name else f"{self.split}{detail}"


@dataclass(frozen=True)
class Finding:
    """A fault that was found, and where.

    Attributes:
        kind: Its kind.
        places: The pictures at fault; none: the data set as a whole.
        title, meaning, advice, remedy: Those of the kind, with the figures of this data set.
        count: How many pictures, in words.
    """

    kind: Kind
    places: tuple[Place, ...]
    title: str
    meaning: str
    advice: str
    remedy: str
    count: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.kind.severity

    @property
    def is_mendable(self) -> bool:
        """Whether `--fix` does something about it."""
        return bool(self.remedy)

    def summary(self) -> str:
        """Say in a line what was found, where, and what to do."""
        where = f": {some(self.places)}" if self.places else ""
        return f"{self.headline}{where}. {self.meaning}. {self.advice}"

    @property
    def headline(self) -> str:
        """What was found, and how often."""
        return f"{self.title} ({self.count})" if self.count else self.title


def found(
    kind: Kind,
    places: Sequence[Place] = (),
    words: Mapping[str, object] | None = None,
    *,
    num_seen: int | None = None,
) -> Finding:
    """Make a finding, the figures put into the texts of its kind.

    Args:
        kind: The fault.
        places: Where it is.
        words: What stands for the names in braces in the texts.
        num_seen: Of how many, where only some were looked at.
    """
    texts = (
        text.format_map(words or {})
        for text in (kind.title, kind.meaning, kind.advice, kind.remedy)
    )
    title, meaning, advice, remedy = texts
    num_pictures = sum(bool(place.name) for place in places)
    count = f"{num_pictures} picture{'' if num_pictures == 1 else 's'}" if num_pictures else ""
    if num_seen is not None:
        count += f" of {num_seen} that were looked at"
    return Finding(kind, tuple(places), title, meaning, advice, remedy, count)


def some(items: Sequence[object], most: int = _MOST_SHOWN) -> str:
    """List the first of many."""
    rest = f", ... ({len(items)} in all)" if len(items) > most else ""
    return ", ".join(str(item) for item in items[:most]) + rest
