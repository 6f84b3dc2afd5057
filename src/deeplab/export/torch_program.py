"""Write a trained network as a program of `torch.export`, after checking that it is the same one.

The program takes what a network file takes, and gives the same: uint8 pictures (N, H, W, bands) of
any size in (more than an output stride high and wide), class scores (N, K, h, w) out, preprocessing
inside. It runs where torch is and deeplab
is not; `torch.export.load(path, extra_files={"card.json": ""})` gives the network's card too.

What we write is a graph in JSON, plain numbers, and pictures to try it with, which torch reads
with `weights_only`. But `torch.export.load` would run the code of a file that holds some: load only
programs of people you trust, network files of anybody.
"""

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deeplab import whole_files
from deeplab.export.agreement import Agreement, compare
from deeplab.export.from_pixels import FromPixels, traced_pictures
from deeplab.inference import Engine
from deeplab.inference.torch_engine import TorchEngine
from deeplab.models import DeepLab
from deeplab.network_card import NetworkCard

SUFFIX = ".pt2"

_CARD = "card.json"

_FREE_SIZES = {
    0: torch.export.Dim("n"),
    # From a few pixels on, which torch finds out: a feature map of one row is another case to it.
    1: torch.export.Dim.DYNAMIC,
    2: torch.export.Dim.DYNAMIC,
}


def export_program(
    network: DeepLab, card: NetworkCard, path: Path, *, pictures: Sequence[NDArray[np.uint8]]
) -> Agreement:
    """Write a program, if it scores pictures as the network does after it was loaded again.

    Args:
        network: In evaluation mode, on the CPU.
        card: What the file shall say about itself.
        path: Where to write, `.pt2`; replaced only when the new file is complete.
        pictures: At least one real picture (H, W, bands), uint8, to check the program on.

    Returns:
        How well program and network agree.

    Raises:
        ValueError: The name does not end in `.pt2`, torch cannot export this network for pictures
            of any size, or program and network differ.
    """
    if path.suffix != SUFFIX:
        raise ValueError(f"{path}: programs of torch end in {SUFFIX}; give such a name")
    card = dataclasses.replace(card, preprocessing=network.preprocessing)
    program = _trace(FromPixels(network), card.num_bands)
    _forget_sources(program)
    with tempfile.TemporaryDirectory() as unchecked_dir:
        unchecked = Path(unchecked_dir, path.name)
        torch.export.save(program, unchecked, extra_files={_CARD: json.dumps(card.to_metadata())})
        agreement = compare(TorchProgramEngine(unchecked), TorchEngine(network, card), pictures)
        content = unchecked.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))
    return agreement


class TorchProgramEngine(Engine):
    """A program that `export_program` wrote, loaded and ready.

    Args:
        path: The file.

    Raises:
        ValueError: Not such a program.
    """

    def __init__(self, path: Path) -> None:
        extra_files = {_CARD: ""}
        try:
            program = torch.export.load(path, extra_files=extra_files)
            metadata = json.loads(extra_files[_CARD])
        except Exception as error:  # torch's readers raise nearly every kind
            raise ValueError(
                f"{path}: not a program of torch, or a damaged one ({error})"
            ) from error
        self.card = NetworkCard.from_metadata(metadata)
        self._module = program.module()

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        with torch.inference_mode():
            try:
                scores = self._module(torch.tensor(pictures))
            except (RuntimeError, AssertionError) as error:  # of a program for other sizes
                height, width = pictures.shape[1:3]
                raise ValueError(
                    f"the program failed on {len(pictures)} picture(s) of {width}x{height} "
                    f"pixels: {error}"
                ) from error
        return np.asarray(scores.numpy(), dtype=np.float32)


def _trace(network: FromPixels, num_bands: int) -> torch.export.ExportedProgram:
    try:
        with torch.no_grad():
            return torch.export.export(
                network, (traced_pictures(num_bands),), dynamic_shapes={"pictures": _FREE_SIZES}
            )
    except Exception as error:  # torch's exporter raises nearly every kind
        raise ValueError(
            f"this network cannot be exported by torch for pictures of any size: {error}"
        ) from error


def _forget_sources(program: torch.export.ExportedProgram) -> None:
    """Take out the exporter's notes: they name local files."""
    for module in program.graph_module.modules():
        if isinstance(module, torch.fx.GraphModule):
            for node in module.graph.nodes:
                node.meta.pop("stack_trace", None)
