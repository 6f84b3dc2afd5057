"""Score weights on a data set, with a CRF or without."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from deeplab.crf import DenseCRF
from deeplab.data import open_split
from deeplab.evaluation import (
    Convention,
    Evaluation,
    Keep,
    MeasureName,
    Scorer,
    evaluate_closely,
    holds_masks,
    spread,
)
from deeplab.inference import (
    STORED,
    EngineChoice,
    PrecisionChoice,
    Segmenter,
    find_crf,
    plain_parameters,
)
from deeplab.labels import CITYSCAPES
from deeplab.processor import num_cores
from deeplab.runs.identity import describe_run
from deeplab.runs.scorers import open_masks, open_scorer


def evaluate(
    weights: str | Path,
    data_root: Path,
    split: str,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | tuple[int, int] | None = None,
    overlap: float | None = None,
    crf: DenseCRF | str | None = None,
    stride: int | None = None,
    measures: Collection[MeasureName] = (),
    convention: Convention = "devkit",
    limit: int | None = None,
    keep: Path | None = None,
    engine: EngineChoice = "auto",
    precision: PrecisionChoice = "f32",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score weights on a split, with a CRF or without.

    Args:
        weights: A published name, a network file (`.onnx`), a checkpoint (`.safetensors`), or a
            folder of class scores, `NAME.npz` for the picture `NAME.jpg`; of a folder the pictures
            that it has scores of are scored. Or a folder of label maps that were predicted,
            `NAME.png` or `NAME.mask.png`: see `MaskFolder`.
        data_root: `VOCdevkit/VOC2012`, or a folder with `images` and `masks`.
        split: Name of a list file, or of a sub-folder of `images`.
        scales: Sizes at which every picture is scored.
        flip: Score mirrored pictures too.
        window: Score large pictures in overlapping windows of so many pixels; see `Segmenter`.
        overlap: Of the windows; see `Segmenter`.
        crf: Refine the scores; or "stored", the name of a preset, a file (`inference.find_crf`).
            The measures before it are given too.
        stride: Of scores in a folder: pixels from one to the next; None: they span the picture.
        measures: What to measure beside the scores: see `Evaluation`.
        convention: What means over classes do with those that are nowhere: "devkit" counts them as
            0, "present" leaves them out.
        limit: Score only so many pictures, spread evenly over the list.
        keep: A file (`.npz`) for the counts so far: the same evaluation goes on from it where it
            was interrupted, with the same numbers at the end; another one is refused it.
        engine: What runs the network, see `Segmenter.load`.
        precision: What it computes in, likewise; scores are those of float32 unless others are
            asked for.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: Weights or data that are missing or do not fit one another.
    """
    data = open_split(data_root, split)
    path = Path(weights)
    is_given = flip or tuple(scales) != (1.0,) or window is not None or overlap is not None
    if path.is_dir() and is_given:
        raise ValueError(
            f"{weights}: stored results have no scales, flip and windows; leave them out"
        )
    if path.is_dir() and (engine, precision) != ("auto", "f32"):
        raise ValueError(f"{weights}: stored results need no engine and precision; leave them out")
    scorer: Scorer
    if holds_masks(path):
        if crf is not None or stride is not None:
            raise ValueError(f"{weights}: label maps have no CRF and no stride; leave them out")
        (scorer, data), workers = open_masks(path, data), num_cores()
    elif not path.is_dir() and stride is not None:
        raise ValueError(f"stride {stride} is of scores in a folder; {weights} is none")
    else:
        scorer, data, workers = open_scorer(
            weights,
            data,
            scales=scales,
            flip=flip,
            window=window,
            overlap=overlap,
            crf=crf,
            stride=stride,
            engine=engine,
            precision=precision,
        )
    if data.label_set.class_names == CITYSCAPES.class_names:
        measures = {*measures, "cityscapes"}
    settings: dict[str, Any] = {"stride": stride, "measures": sorted(measures)}
    if isinstance(scorer, Segmenter):
        settings |= {**scorer.settings(), "engine": str(scorer.engine.setup)}
    else:
        settings["crf"] = _describe_crf(crf)
    samples = spread(data.samples, limit)
    about = describe_run(weights, data, samples, settings) if keep else {}
    return evaluate_closely(
        scorer,
        dataclasses.replace(data, samples=samples),
        measures=measures,
        convention=convention,
        workers=workers,
        keep=Keep(keep, about) if keep else None,
        progress=progress,
    )


def _describe_crf(crf: DenseCRF | str | None) -> object:
    """Give the parameters as JSON values; those stored in weights are known by the weights."""
    if crf is None or crf == STORED:
        return crf
    return plain_parameters(find_crf(crf) if isinstance(crf, str) else crf)
