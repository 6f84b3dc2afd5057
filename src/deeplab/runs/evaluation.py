"""Score weights on a data set, with a CRF or without."""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from deeplab.crf import DenseCRF
from deeplab.data import open_split
from deeplab.evaluation import Convention, Evaluation, MeasureName, evaluate_closely
from deeplab.runs.scorers import open_scorer


def evaluate(
    weights: str | Path,
    data_root: Path,
    split: str,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    crf: DenseCRF | str | None = None,
    stride: int | None = None,
    measures: Collection[MeasureName] = (),
    convention: Convention = "devkit",
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Evaluation:
    """Score weights on a split, with a CRF or without.

    Args:
        weights: A published name, a network file (`.onnx`), a checkpoint (`.safetensors`), or a
            folder of class scores, `NAME.npz` for the picture `NAME.jpg`; of a folder the pictures
            that it has scores of are scored.
        data_root: `VOCdevkit/VOC2012`, or a folder with `images` and `masks`.
        split: Name of a list file, or of a sub-folder of `images`.
        scales: Sizes at which every picture is scored.
        flip: Score mirrored pictures too.
        crf: Refine the scores; or "stored", the name of a preset, a file (`inference.find_crf`).
            The measures before it are given too.
        stride: Of scores in a folder: pixels from one to the next; None: they span the picture.
        measures: What to measure beside the scores: see `Evaluation`.
        convention: What means over classes do with those that are nowhere: "devkit" counts them as
            0, "present" leaves them out.
        limit: Score only so many pictures, spread evenly over the list.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: Weights or data that are missing or do not fit one another.
    """
    data = open_split(data_root, split)
    if Path(weights).is_dir():
        if flip or tuple(scales) != (1.0,):
            raise ValueError(f"{weights}: stored scores have no scales and no flip; leave them out")
    elif stride is not None:
        raise ValueError(f"stride {stride} is of scores in a folder; {weights} is none")
    segmenter, data, workers = open_scorer(
        weights, data, scales=scales, flip=flip, crf=crf, stride=stride
    )
    return evaluate_closely(
        segmenter,
        data,
        measures=measures,
        convention=convention,
        limit=limit,
        workers=workers,
        progress=progress,
    )
