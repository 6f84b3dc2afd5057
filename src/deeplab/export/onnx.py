"""Write a trained network as a self-contained ONNX graph, after checking that it is the same one.

The graph takes uint8 pictures (N, H, W, bands), usually RGB, of any size and gives class scores
(N, K, h, w) at output stride s: ceil(H / s) rows, or one more where pools round up (see `Engine`).
Preprocessing is inside, on request scales and flip too; batch norms are folded into the
convolutions, and the network's card travels in the metadata.
"""

import dataclasses
import itertools
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

import deeplab
from deeplab import whole_files
from deeplab.export.agreement import EXACT, HALF, Agreement, AtScales, compare
from deeplab.export.from_pixels import FromPixels, free_sizes, traced_pictures
from deeplab.export.fused_scales import fuse_scales
from deeplab.inference import OnnxRuntimeEngine
from deeplab.inference.torch_engine import TorchEngine
from deeplab.models import DeepLab
from deeplab.network_card import NetworkCard

_OPSET = 20  # onnxruntime 1.18, the oldest that the core install takes, knows up to 21


def export_network(
    network: DeepLab,
    card: NetworkCard,
    path: Path,
    *,
    pictures: Sequence[NDArray[np.uint8]],
    half: bool = False,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
) -> Agreement:
    """Write a network file, if its graph scores pictures as the network does.

    Args:
        network: In evaluation mode, on the CPU.
        card: What the file shall say about itself.
        path: Where to write, `.onnx`; replaced only when the new file is complete.
        pictures: At least one real picture (H, W, bands), uint8, to check the graph on.
        half: Store the filters in 16 bits, so that the file is half as large. They are widened
            again when the file is loaded: the network computes in 32 bits and is as fast.
        scales: Sizes at which the file itself shall score every picture, as `Segmenter` does.
        flip: The file itself shall score mirrored pictures too, likewise.

    Returns:
        How well graph and network agree.

    Raises:
        ValueError: The name does not end in `.onnx`, a scale is out of range, the exporter cannot
            write this network for pictures of any size, a filter does not fit into 16 bits, or
            graph and network differ.
    """
    check_name(path)
    reference = AtScales(TorchEngine(network, card), scales=scales, flip=flip)
    graph = trace(FromPixels(network), card.num_bands)
    card = describe_inside(card, network, scales=scales, flip=flip)
    if card.fuses_scales:
        fuse_scales(graph, scales=scales, flip=flip, output_stride=card.output_stride)
    if half:
        halve(graph)
        provenance = {**card.provenance, "stored_filters": "float16, computed in float32"}
        card = dataclasses.replace(card, provenance=provenance)
    describe(graph, card)
    with tempfile.TemporaryDirectory() as folder:
        exported = open_graph(graph, Path(folder, path.name))
        agreement = compare(exported, reference, pictures, tolerance=HALF if half else EXACT)
    write(graph, path)
    return agreement


def check_name(path: Path) -> None:
    """Refuse names that network files do not have.

    Raises:
        ValueError: It does not end in `.onnx`.
    """
    if path.suffix != ".onnx":
        raise ValueError(f"{path}: network files end in .onnx; give such a name")


def open_graph(graph: onnx.ModelProto, path: Path) -> OnnxRuntimeEngine:
    """Write a graph as it is, and open it as users will."""
    path.write_bytes(graph.SerializeToString())
    return OnnxRuntimeEngine(path)


def write(graph: onnx.ModelProto, path: Path) -> None:
    """Write a network file, whole or not at all."""
    content = graph.SerializeToString()
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))


def describe_inside(
    card: NetworkCard, network: DeepLab, *, scales: Sequence[float], flip: bool
) -> NetworkCard:
    """Let the card say what the graph does by itself."""
    return dataclasses.replace(
        card,
        preprocessing=network.preprocessing,
        inner_scales=tuple(sorted(map(float, scales), reverse=True)),
        inner_flip=flip,
    )


def trace(network: FromPixels, num_bands: int) -> onnx.ModelProto:
    """Make a graph for any number of pictures of any size.

    Raises:
        ValueError: The exporter cannot.
    """
    try:
        with torch.no_grad():
            program = torch.onnx.export(
                network,
                (traced_pictures(num_bands),),
                input_names=["pictures"],
                output_names=["class_scores"],
                dynamic_shapes=free_sizes(),
                opset_version=_OPSET,
                dynamo=True,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise ValueError(
            f"this network cannot be written as ONNX for pictures of any size: {error}"
        ) from error
    if program is None:
        raise AssertionError("the dynamo exporter returns a program")
    return program.model_proto


def halve(graph: onnx.ModelProto) -> None:
    """Store every filter as float16, with a cast to float32 that onnxruntime folds on loading.

    Raises:
        ValueError: A filter does not fit into 16 bits.
    """
    casts = []
    for stored in graph.graph.initializer:
        if stored.data_type != onnx.TensorProto.FLOAT or len(stored.dims) < 2:
            continue  # biases stay as they are: a thousandth of the file
        name = stored.name
        values = numpy_helper.to_array(stored)
        if np.abs(values).max() > np.finfo(np.float16).max:
            raise ValueError(
                f"filter {name} holds values beyond 65504, the largest number of 16 bits: "
                "export without half or int8"
            )
        narrow = numpy_helper.from_array(values.astype(np.float16), f"{name}.float16")
        stored.CopyFrom(narrow)
        casts.append(
            onnx.helper.make_node("Cast", [narrow.name], [name], to=onnx.TensorProto.FLOAT)
        )
    nodes = [*casts, *graph.graph.node]
    del graph.graph.node[:]
    graph.graph.node.extend(nodes)


def describe(graph: onnx.ModelProto, card: NetworkCard) -> None:
    """Put the card into the file, and take out the exporter's notes: they name local files."""
    for described in _described_parts(graph):
        del described.metadata_props[:]
        described.ClearField("doc_string")
    score_shape = graph.graph.output[0].type.tensor_type.shape.dim
    for dim, name in zip(score_shape[2:], ("score_rows", "score_columns"), strict=True):
        dim.dim_param = name
    graph.producer_name = "deeplabkit"
    graph.producer_version = deeplab.__version__
    onnx.helper.set_model_props(graph, card.to_metadata())


def _described_parts(model: onnx.ModelProto) -> Iterable[Any]:
    """List all parts of a file that can carry notes."""
    graph = model.graph
    groups = (graph.node, graph.input, graph.output, graph.initializer, graph.value_info)
    return itertools.chain(*groups, (model, graph))
