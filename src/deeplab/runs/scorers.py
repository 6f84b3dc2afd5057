"""What scores pictures: a network file, a checkpoint, or a folder of stored class scores."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from deeplab.crf import DenseCRF
from deeplab.data import Sample, SegmentationData
from deeplab.evaluation import MaskFolder
from deeplab.inference import (
    EngineChoice,
    PrecisionChoice,
    ScoreFolder,
    Segmenter,
    find_crf,
    is_checkpoint,
)
from deeplab.processor import num_cores

_log = logging.getLogger(__name__)


def open_scorer(
    weights: str | Path,
    data: SegmentationData,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | tuple[int, int] | None = None,
    overlap: float | None = None,
    crf: DenseCRF | str | None = None,
    stride: int | None = None,
    engine: EngineChoice = "auto",
    precision: PrecisionChoice = "f32",
) -> tuple[Segmenter | ScoreFolder, SegmentationData, int]:
    """Open what scores pictures, the pictures it can score, and say how many to do at once."""
    path = Path(weights)
    if path.is_dir():
        refiner = _single_threaded(find_crf(crf) if isinstance(crf, str) else crf)
        names = data.label_set.class_names
        folder = ScoreFolder(path, names, stride=stride, crf=refiner, threads=1)
        found = tuple(sample for sample in data.samples if sample.picture_path in folder)
        return folder, _only(found, data, path, "scores", ".npz"), num_cores()
    uses_torch = engine == "torch" or is_checkpoint(path)
    # Torch uses all cores for one picture; else one thread for each keeps cores busier.
    threads, workers = (None, 1) if uses_torch else (1, num_cores())
    segmenter = Segmenter.load(
        weights,
        scales=scales,
        flip=flip,
        window=window,
        overlap=overlap,
        threads=threads,
        crf=crf,
        engine=engine,
        precision=precision,
        workers=workers,
        num_pictures=len(data.samples),
    )
    return segmenter, data, workers


def short_names(weights: Sequence[str]) -> list[str]:
    """Name weights for drawings: paths by as many of their last parts as tell them apart.

    Args:
        weights: Published names and paths, each another one.
    """
    paths = [Path(one) for one in weights]
    for count in range(1, max(len(path.parts) for path in paths) + 1):
        names = [str(Path(*path.parts[-count:])) for path in paths]
        if len(set(names)) == len(names):
            return names
    return list(weights)


def open_masks(path: Path, data: SegmentationData) -> tuple[MaskFolder, SegmentationData]:
    """Open a folder of predicted label maps, and the pictures it has label maps of."""
    folder = MaskFolder(path)
    found = tuple(sample for sample in data.samples if sample in folder)
    return folder, _only(found, data, path, "label maps", ".png")


def _single_threaded(crf: DenseCRF | None) -> DenseCRF | None:
    return None if crf is None else dataclasses.replace(crf, threads=1)


def _only(
    found: tuple[Sample, ...], data: SegmentationData, path: Path, what: str, suffix: str
) -> SegmentationData:
    if not found:
        raise ValueError(
            f"{path}: {what} of none of the {len(data.samples)} pictures; they are called "
            f"{data.samples[0].picture_path.stem}{suffix} and so on"
        )
    if len(found) < len(data.samples):
        _log.warning("%s: %s of %d of %d pictures", path, what, len(found), len(data.samples))
    return dataclasses.replace(data, samples=found)
