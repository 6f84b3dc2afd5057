"""What engines and precisions change in the labels of a data set, and its record in network files.

Quality goes with speed: a way to run a network that is fast and wrong is worth nothing.
"""

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deeplab import whole_files
from deeplab.data import Sample, open_split
from deeplab.evaluation import ConfusionMatrix, spread
from deeplab.inference import (
    Segmenter,
    Setup,
    is_checkpoint,
    open_setup,
    read_card,
    replace_metadata,
    weights_path,
)
from deeplab.precisions import PrecisionRecord
from deeplab.processor import processor_name


@dataclass(frozen=True)
class Quality:
    """What one way to run a network gives on a data set.

    Attributes:
        mean_iou: 0..1, by the devkit's rules, at one scale.
        same_labels: Pixels, 0..1, with the label that the first way gives them.
        num_pictures: How many were scored.
        data: The data set and its split, in words.
    """

    mean_iou: float
    same_labels: float
    num_pictures: int
    data: str


def measure_quality(
    weights: str | Path,
    setups: Sequence[Setup],
    data_root: Path,
    split: str,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[Setup, Quality]:
    """Score a network on a data set in several ways.

    Args:
        weights: A published name, a network file or a checkpoint.
        setups: The ways; labels are compared with those of the first.
        data_root: See `runs.evaluation.evaluate`.
        split: Likewise.
        limit: Only so many pictures, spread evenly over the split.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: Weights, or data, that are missing or do not fit one another.
    """
    data = open_split(data_root, split)
    names = data.label_set.class_names
    segmenters = [Segmenter(open_setup(weights, setup)) for setup in setups]
    if segmenters[0].card.class_names != names:
        raise ValueError(
            f"{weights} scores other classes than {data_root} has: give data of its own classes"
        )
    samples = spread(data.samples, limit)
    matrices = [ConfusionMatrix(names) for _ in setups]
    same = np.zeros((len(setups), 2), np.int64)  # pixels with the same label, and pixels
    for done, sample in enumerate(samples, start=1):
        same += np.array(_add(sample, segmenters, matrices))
        progress(done, len(samples))
    return {
        setup: Quality(
            matrix.scores().mean_iou,
            int(equal) / int(total),
            len(samples),
            f"{data_root.name} {split}",
        )
        for setup, matrix, (equal, total) in zip(setups, matrices, same, strict=True)
    }


def _add(
    sample: Sample, segmenters: Sequence[Segmenter], matrices: Sequence[ConfusionMatrix]
) -> list[tuple[int, int]]:
    """Count one picture; give the pixels that are labelled as by the first, and all."""
    truth = sample.read_labels(len(matrices[0].class_names))
    labels = [segmenter(sample.picture_path).labels for segmenter in segmenters]
    for matrix, one in zip(matrices, labels, strict=True):
        matrix.add(truth, one, picture_name=str(sample.label_path))
    return [(int((one == labels[0]).sum()), one.size) for one in labels]


def store_records(
    weights: str | Path, qualities: dict[Setup, Quality], path: Path
) -> dict[str, PrecisionRecord]:
    """Write a network file with what was measured of fewer bits than float32's.

    Args:
        weights: The network file, or its name.
        qualities: What `measure_quality` gave, that in float32 first. Of several engines with one
            precision the most harmful counts.
        path: Where to write; may be the network file itself.

    Returns:
        What is stored, by precision.

    Raises:
        ValueError: Nothing was measured, or not float32 first; the weights, or what is to be
            written, are no network file.
    """
    check_store(weights, path)
    (first, exact), *others = qualities.items()
    if first.precision != "f32":
        raise ValueError(f"{first} is no float32, which fewer bits are compared with: measure both")
    records: dict[str, PrecisionRecord] = {}
    for setup, quality in others:
        if setup.precision in ("f32", "int8"):  # the file in integers says what it changes
            continue
        record = _record(setup, quality, exact)
        known = records.get(setup.precision)
        if known is None or record.same_labels < known.same_labels:
            records[setup.precision] = record
    if not records:
        raise ValueError("there is nothing to store: no engine here has bfloat16")
    source = weights_path(weights)
    card = read_card(source)
    card = dataclasses.replace(card, precisions={**card.precisions, **records})
    content = replace_metadata(source, card.to_metadata())
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))
    return records


def check_store(weights: str | Path, path: Path) -> None:
    """Check, before anything is measured, that records can be stored.

    Raises:
        ValueError: Weights, or a file to be written, that are no network file.
    """
    if is_checkpoint(weights) or path.suffix != ".onnx":
        raise ValueError(
            f"{weights}, {path}: records are stored in network files, from .onnx to .onnx; "
            "`deeplab export` makes them of checkpoints"
        )


def _emulated(setup: Setup) -> str:
    """Say so if the processor does not have the precision; only torch runs it then."""
    if setup.engine != "torch" or setup.device != "cpu":
        return ""
    from deeplab.inference.torch_engine import torch_precisions  # torch is here, it was used

    return "" if setup.precision in torch_precisions() else ", emulated"


def _record(setup: Setup, quality: Quality, exact: Quality) -> PrecisionRecord:
    return PrecisionRecord(
        miou_change=round(quality.mean_iou - exact.mean_iou, 6),
        same_labels=round(quality.same_labels, 6),
        data=quality.data,
        num_pictures=quality.num_pictures,
        engine=f"{setup.engine}{_emulated(setup)}, {processor_name()}",
    )
