"""Score weights on a data set, with a CRF or without."""

from collections.abc import Callable, Sequence
from pathlib import Path

from deeplab.crf import DenseCRF
from deeplab.data import open_split
from deeplab.evaluation import Evaluation, evaluate_closely
from deeplab.runs.scorers import open_scorer


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
    with_trimap: bool = False,
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
        window: Score large pictures in overlapping windows of so many pixels; see `Segmenter`.
        overlap: Of the windows; see `Segmenter`.
        crf: Refine the scores; or "stored", the name of a preset, a file (`inference.find_crf`).
            The measures before it are given too.
        stride: Of scores in a folder: pixels from one to the next; None: they span the picture.
        with_trimap: Measure the score around boundaries too.
        limit: Score only so many pictures, spread evenly over the list.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: Weights or data that are missing or do not fit one another.
    """
    data = open_split(data_root, split)
    if Path(weights).is_dir():
        if flip or tuple(scales) != (1.0,) or window is not None or overlap is not None:
            raise ValueError(
                f"{weights}: stored scores have no scales, flip and windows; leave them out"
            )
    elif stride is not None:
        raise ValueError(f"stride {stride} is of scores in a folder; {weights} is none")
    segmenter, data, workers = open_scorer(
        weights,
        data,
        scales=scales,
        flip=flip,
        window=window,
        overlap=overlap,
        crf=crf,
        stride=stride,
    )
    return evaluate_closely(
        segmenter, data, with_trimap=with_trimap, limit=limit, workers=workers, progress=progress
    )
