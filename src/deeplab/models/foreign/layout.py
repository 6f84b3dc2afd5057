"""What a foreign checkpoint is turned into, and the record of how others name tensors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from deeplab.models.deeplab import ModelConfig

Tensors = Mapping[str, Tensor]
"""Tensors by name, as they stand in the file; blob i of Caffe's layer L is called `L/i`."""


@dataclass(frozen=True)
class Converted:
    """A foreign checkpoint as one of our networks.

    Attributes:
        config: The network; `init` is "random".
        weights: Its state dict: all that the file has for it, and nothing else. What is missing,
            spare or of another shape is found where it is loaded.
        ignored: Names of the file's tensors that are left out on purpose (copies, optimisers,
            auxiliary classifiers).
        remarks: Lines for the card's provenance.
    """

    config: ModelConfig
    weights: dict[str, Tensor]
    ignored: tuple[str, ...] = ()
    remarks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Layout:
    """One way in which others name the tensors of a network.

    Attributes:
        name: Such as "kazuto1011-msc"; what users see.
        describes: Whose layout it is, in a few words.
        recognises: Tells by the names (and shapes) whether tensors have this layout; no two layouts
            recognise the same file.
        convert: Renames and unfolds; pure. Raises ValueError where it cannot tell the network.
    """

    name: str
    describes: str
    recognises: Callable[[Tensors], bool]
    convert: Callable[[Tensors], Converted]
