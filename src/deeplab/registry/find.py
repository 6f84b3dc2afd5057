"""All records by name."""

import difflib
from collections.abc import Iterable

from deeplab.registry.caffe import CAFFE
from deeplab.registry.ports import PORTS
from deeplab.registry.records import ForeignWeights
from deeplab.registry.torchvision import TORCHVISION

ELSEWHERE: dict[str, ForeignWeights] = {
    record.name: record for record in (*CAFFE, *PORTS, *TORCHVISION)
}
"""Every weight file of others that we know, by the name that users type."""


def find_elsewhere(name: str) -> ForeignWeights:
    """Look a record up.

    Raises:
        ValueError: There is none of this name; the message names the nearest.
    """
    record = ELSEWHERE.get(name)
    if record is None:
        raise ValueError(
            f"weights {name!r}: nobody published them under this name; {nearest(name, ELSEWHERE)}"
            "`deeplab weights list` shows all"
        )
    return record


def nearest(name: str, known: Iterable[str]) -> str:
    """Ask whether a known name was meant; empty where none is like it."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"did you mean {near[0]!r}? " if near else ""
