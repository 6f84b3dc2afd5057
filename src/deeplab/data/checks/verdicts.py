"""What is wrong with the contents of label maps, and how each is read all the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deeplab.data.checks.recoding import Recoding
from deeplab.data.findings import Kind

MOSTLY = 0.5
"""A label map of which more has no meaning is not one of this data set."""

SURE = 0.9
"""Of a blurred label map so much has to lie near to a class."""


@dataclass(frozen=True)
class Verdict:
    """What is wrong with one label map, and how it is read all the same.

    Attributes:
        kinds: Faults; none: it is as it should be.
        recoding: Gives its labels; None: it cannot be known.
        detail: What is wrong with it in particular.
    """

    kinds: tuple[Kind, ...]
    recoding: Recoding | None
    detail: str = ""


@dataclass
class Verdicts:
    """Those of all label maps.

    Attributes:
        of: By file.
        words: The figures for the texts of each kind of fault.
    """

    of: dict[Path, Verdict] = field(default_factory=dict)
    words: dict[str, Mapping[str, object]] = field(default_factory=dict)


def percent(share: float) -> str:
    """Write a share, 0..1, in per cent; small ones with two digits."""
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
