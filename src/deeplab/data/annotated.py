"""What all annotation tools have in common: pictures, and on each some regions of named classes."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from deeplab.data.regions import Region

WHOLE = "all"
"""The split of pictures that nobody has dealt out."""


@dataclass(frozen=True)
class AnnotatedPicture:
    """A picture as a tool knows it.

    Attributes:
        file_name: What the tool calls it: a name, a path, or an address.
        source: The annotation file.
        regions: In the order of painting; later ones cover earlier ones.
        size: Height and width in pixels when it was annotated; None: not said.
        split: Which split it belongs to.
        embedded: Gives the picture file that the annotation file holds; None: it holds none.
    """

    file_name: str
    source: Path
    regions: tuple[Region, ...]
    size: tuple[int, int] | None = None
    split: str = WHOLE
    embedded: Callable[[], bytes] | None = None


@dataclass(frozen=True)
class Annotations:
    """All that one tool wrote.

    Attributes:
        class_names: In the tool's order; more than occur, or all that occur.
        pictures: At least one.
        notes: What could not be taken over, and what was decided, one sentence each.
    """

    class_names: tuple[str, ...]
    pictures: tuple[AnnotatedPicture, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """How annotations are to be read where tools leave it open.

    Attributes:
        line_width: Of lines, in pixels; None: as the tool draws them, or not at all.
        crowds: Of COCO's objects marked `iscrowd`: "void", "objects" (like all others), or "auto":
            objects if most are marked, as CVAT does with every mask.
    """

    line_width: int | None = None
    crowds: str = "auto"


def count(number: int, what: str, many: str = "") -> str:
    """Say how many: "1 line", "2 lines"."""
    return f"{number} {what if number == 1 else many or what + 's'}"
