"""Write a network in integers of 8 bits, after measuring what it loses by that.

Shapes: (H, W) a picture.
"""

import dataclasses
import platform
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.export.agreement import INT8, Agreement, AtScales, compare
from deeplab.export.from_pixels import FromPixels
from deeplab.export.fused_scales import fuse_scales
from deeplab.export.loss import Loss, Probe, measure_loss
from deeplab.export.onnx import describe, describe_inside, halve, open_graph, trace, write
from deeplab.export.quantise import quantise
from deeplab.inference.torch_engine import TorchEngine
from deeplab.models import DeepLab
from deeplab.network_card import NetworkCard
from deeplab.precisions import PrecisionRecord


@dataclass(frozen=True)
class Quantising:
    """What quantising a network takes.

    Attributes:
        pictures: Give the pictures (H, W, bands) that show the ranges of feature maps; 1 or more.
        probes: Other pictures, to measure the loss on; 1 or more.
        data: Where the probes are from, in words.
        accepted_points: The loss that is accepted, see `Loss.check`; None: the usual.
    """

    pictures: Sequence[Callable[[], imaging.Picture]]
    probes: Sequence[Probe]
    data: str
    accepted_points: float | None = None


def export_int8(
    network: DeepLab,
    card: NetworkCard,
    path: Path,
    *,
    pictures: Sequence[NDArray[np.uint8]],
    quantising: Quantising,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Agreement, Loss]:
    """Write a quantised network file, if it loses little.

    Args:
        network: In evaluation mode, on the CPU.
        card: What the file shall say about itself; the measured loss is added.
        path: Where to write, `.onnx`; replaced only when the new file is complete.
        pictures: To check the graph on; see `export_network`.
        quantising: What to quantise and to measure with.
        scales: See `export_network`.
        flip: See `export_network`.
        progress: Called with pictures measured and pictures in all.

    Returns:
        How well the quantised graph and that in float32 agree, and what is lost.

    Raises:
        ValueError: As of `export_network`, the network cannot be quantised, or it loses too much.
    """
    reference = AtScales(TorchEngine(network, card), scales=scales, flip=flip)
    plain = trace(FromPixels(network), card.num_bands)
    integers = quantise(plain, _seen(quantising.pictures, card, scales))
    card = describe_inside(card, network, scales=scales, flip=flip)
    for graph in (plain, integers):
        if card.fuses_scales:
            fuse_scales(graph, scales=scales, flip=flip, output_stride=card.output_stride)
        describe(graph, card)
    halve(integers)  # what stays in float32 is rounded far less by that than all else
    with tempfile.TemporaryDirectory() as folder:
        in_float = open_graph(plain, Path(folder, "float32.onnx"))
        compare(in_float, reference, pictures)
        in_integers = open_graph(integers, Path(folder, "int8.onnx"))
        agreement = compare(in_integers, in_float, pictures, tolerance=INT8)
        loss = measure_loss(in_integers, in_float, quantising.probes, progress=progress)
    loss.check(quantising.accepted_points)
    describe(integers, _with_record(card, quantising, loss))
    write(integers, path)
    return agreement, loss


def _seen(
    readers: Sequence[Callable[[], imaging.Picture]], card: NetworkCard, scales: Sequence[float]
) -> Iterator[imaging.Picture]:
    """Read pictures as the network sees them: shrunk as `Segmenter` does, and at every scale."""
    for read in readers:
        picture = read()
        if card.longest_side is not None:
            picture = imaging.shrink_picture(picture, card.longest_side)
        for scale in scales:
            height, width = (round((side - 1) * scale) + 1 for side in picture.shape[:2])
            yield imaging.resize_picture(picture, height, width) if scale != 1 else picture


def _with_record(card: NetworkCard, quantising: Quantising, loss: Loss) -> NetworkCard:
    provenance = {
        **card.provenance,
        "quantised": f"int8, ranges of {len(quantising.pictures)} pictures; "
        f"{loss.describe()} on {quantising.data}",
    }
    if loss.miou_change is None:
        return dataclasses.replace(card, provenance=provenance)
    record = PrecisionRecord(
        miou_change=loss.miou_change,
        same_labels=loss.same_labels,
        data=quantising.data,
        num_pictures=loss.num_pictures,
        engine=f"onnxruntime {onnxruntime.__version__}, {platform.machine()}",
    )
    return dataclasses.replace(
        card, provenance=provenance, precisions={**card.precisions, "int8": record}
    )
