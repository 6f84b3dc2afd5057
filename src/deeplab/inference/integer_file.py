"""The file in integers of 8 bits that goes with a network file: NAME.int8.onnx beside NAME.onnx."""

import dataclasses
from pathlib import Path

from deeplab.inference.engine import is_checkpoint
from deeplab.inference.network_file import read_card
from deeplab.network_card import NetworkCard
from deeplab.precisions import PrecisionRecord
from deeplab.weights import integer_path, resolve_network

_OF_ONE_FILE = ("stored_filters", "quantised")
"""Notes of the provenance that say how a file is written, not what network it holds."""


def find_integer_file(weights: str | Path) -> Path | None:
    """Find the file in integers of 8 bits of weights; None: there is none.

    Args:
        weights: A published name, a network file, or a checkpoint, which has none.

    Raises:
        ValueError: There is one of another network, or that is damaged; or there are no such
            weights.
    """
    if is_checkpoint(weights):
        return None
    network_path = resolve_network(weights)
    path = integer_path(network_path)
    if path is None:
        return None
    ours, theirs = (_identity(read_card(one)) for one in (network_path, path))
    differing = [key.replace("_", " ") for key in ours if ours[key] != theirs[key]]
    if differing:
        raise ValueError(
            f"{path}: of another network than {network_path} (their {', '.join(differing)} "
            "differ): make it again with `deeplab export --int8`, or remove it"
        )
    return path


def integer_record(path: Path) -> PrecisionRecord | None:
    """Say what a file in integers was measured to change; None: nobody measured it."""
    return read_card(path).precisions.get("int8")


def _identity(card: NetworkCard) -> dict[str, object]:
    """Say by what a network is known, and with what it is used."""
    provenance = {key: text for key, text in card.provenance.items() if key not in _OF_ONE_FILE}
    known = dataclasses.replace(card, provenance=provenance, precisions={}, preprocessing=None)
    return vars(known)
