"""Whole runs: what the commands call, and a notebook too."""

import dataclasses
import difflib
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.crf import DenseCRF
from deeplab.data import Sample, SegmentationData, open_split
from deeplab.evaluation import (
    Evaluation,
    Method,
    Objective,
    Ranges,
    Search,
    TrialLog,
    evaluate_closely,
    in_order,
    search_crf,
    spread,
)
from deeplab.evaluation import (
    Watch as SearchWatch,
)
from deeplab.inference import (
    ScoredPicture,
    ScoreFolder,
    Segmenter,
    find_crf,
    plain_parameters,
    write_crf,
)
from deeplab.inference.torch_engine import TorchEngine
from deeplab.processor import num_cores
from deeplab.recipes import RECIPES, Recipe, override, parse_recipe
from deeplab.training import Run, Watch
from deeplab.training import train as train_run

_log = logging.getLogger(__name__)


def find_recipe(name_or_file: str, assignments: Sequence[str] = ()) -> Recipe:
    """Look a recipe up by name, or read it from a YAML file, and change settings.

    Args:
        name_or_file: A name of `deeplab.recipes.RECIPES`, or the path of a YAML file.
        assignments: Such as `train.base_lr=1e-3`.

    Raises:
        ValueError: Neither a name nor a file, or a setting that is not allowed.
    """
    path = Path(name_or_file)
    if name_or_file in RECIPES:
        recipe = RECIPES[name_or_file]()
    elif path.is_file():
        recipe = parse_recipe(path.read_text(), source=str(path))
    else:
        near = difflib.get_close_matches(name_or_file, RECIPES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(
            f"recipe {name_or_file!r}: neither a recipe nor a YAML file; {hint}"
            f"recipes: {', '.join(RECIPES)}"
        )
    return override(recipe, assignments)


def train(
    recipe: Recipe,
    *,
    data_dir: Path,
    run_dir: Path,
    watch: Watch = lambda progress: None,
) -> Path:
    """Train a recipe, or go on with a run of it that was interrupted.

    Args:
        recipe: What to train.
        data_dir: Folder that relative data roots of the recipe stand in.
        run_dir: Where the run is kept.
        watch: Called with the progress every `train.log_every` steps.

    Returns:
        The best checkpoint.

    Raises:
        ValueError: Data or weights that are missing, or a folder that holds the run of another
            recipe.
    """
    _check_same_recipe(recipe, run_dir)
    sources = tuple(
        source.model_copy(update={"root": data_dir / source.root}) for source in recipe.data.train
    )
    changes: dict[str, object] = {"train": sources}
    if recipe.data.validation:
        root = data_dir / recipe.data.validation.root
        changes["validation"] = recipe.data.validation.model_copy(update={"root": root})
    data = recipe.data.model_copy(update=changes)
    run = Run(recipe.name, recipe.model, data, recipe.train, recipe.to_yaml(), run_dir)
    return train_run(run, watch=watch)


def _check_same_recipe(recipe: Recipe, run_dir: Path) -> None:
    path = run_dir / "recipe.yaml"
    if not path.exists():
        return
    kept = parse_recipe(path.read_text(), source=str(path))
    ours, theirs = _settings(recipe.model_dump()), _settings(kept.model_dump())
    differing = [key for key in ours | theirs if ours.get(key) != theirs.get(key)]
    if differing:
        key = differing[0]
        raise ValueError(
            f"{run_dir} holds a run of another recipe: {len(differing)} settings differ, such as "
            f"{key} ({theirs.get(key)} there, {ours.get(key)} now): choose another folder with "
            "--out, or give the settings it was started with to go on with it"
        )


def _settings(content: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Flatten nested settings to `train.base_lr` and the like; lists stay whole."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= (
            _settings(value, f"{above}{key}.") if isinstance(value, dict) else {above + key: value}
        )
    return flat


def evaluate(
    weights: str | Path,
    data_root: Path,
    split: str,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
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
        if flip or tuple(scales) != (1.0,):
            raise ValueError(f"{weights}: stored scores have no scales and no flip; leave them out")
    elif stride is not None:
        raise ValueError(f"stride {stride} is of scores in a folder; {weights} is none")
    segmenter, data, workers = _open(
        weights, data, scales=scales, flip=flip, crf=crf, stride=stride
    )
    return evaluate_closely(
        segmenter, data, with_trimap=with_trimap, limit=limit, workers=workers, progress=progress
    )


def tune_crf(
    weights: str | Path,
    data_root: Path,
    split: str,
    *,
    out_dir: Path,
    base: DenseCRF,
    ranges: Ranges,
    method: Method = "grid",
    num_trials: int = 60,
    seed: int = 0,
    stride: int | None = None,
    limit: int | None = 100,
    progress: Callable[[int, int], None] = lambda done, total: None,
    watch: SearchWatch = lambda done, total, best: None,
) -> Search:
    """Find CRF parameters for weights, or for stored scores; the best are written as YAML.

    The pictures are scored once. An interrupted search goes on in the same folder.

    Args:
        weights: See `evaluate`.
        data_root: See `evaluate`.
        split: Pictures to tune on; not those to report scores of, nor those the network learnt
            from, which it knows too well.
        out_dir: Folder for `best.yaml`, `trials.csv`, and what the search is of, `search.json`.
        base: The CRF whose bilateral kernel is searched.
        ranges: Where to look.
        method: "grid" is the paper's, "random" and "tpe" draw points (extra `tune`).
        num_trials: How many points to draw.
        seed: Of the drawing.
        stride: See `evaluate`.
        limit: Tune on so many pictures, spread evenly over the list; the paper takes 100.
        progress: Called with pictures scored and pictures in all.
        watch: Called with trials done, trials in all, and the best so far.

    Raises:
        ValueError: Weights or data that are missing or do not fit, or a folder with another search.
    """
    segmenter, data, workers = _open(weights, open_split(data_root, split), stride=stride)
    samples = spread(data.samples, limit)
    about = {
        "weights": str(weights),
        "data": str(data_root),
        "split": split,
        "pictures": [sample.name for sample in samples],
        "stride": stride,
        "method": method,
        "crf": plain_parameters(base),
    }
    log = TrialLog(out_dir, about)
    class_names = data.label_set.class_names

    def read(sample: Sample) -> tuple[ScoredPicture, NDArray[np.uint8]]:
        scored = segmenter.score(sample.picture_path).compact()
        return scored, sample.read_labels(len(class_names))

    pictures = []
    for done, picture in enumerate(in_order(read, samples, workers=workers), start=1):
        pictures.append(picture)
        progress(done, len(samples))
    objective = Objective(pictures, class_names, base=base, workers=num_cores())
    found = search_crf(
        objective,
        log,
        ranges=ranges,
        method=method,
        num_trials=num_trials,
        seed=seed,
        watch=watch,
    )
    write_crf(out_dir / "best.yaml", found.crf, about=_describe(found, f"{weights} on {split}"))
    return found


def _describe(found: Search, what: str) -> str:
    return (
        f"Tuned by `deeplab crf tune` for {what}, {found.num_pictures} pictures: mean IoU "
        f"{100 * found.mean_iou_without_crf:.2f} % without a CRF, "
        f"{100 * found.best.mean_iou:.2f} % with this one."
    )


def _open(
    weights: str | Path,
    data: SegmentationData,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    crf: DenseCRF | str | None = None,
    stride: int | None = None,
) -> tuple[Segmenter | ScoreFolder, SegmentationData, int]:
    """Open what scores pictures, the pictures it can score, and say how many to do at once."""
    path = Path(weights)
    if path.is_dir():
        refiner = _single_threaded(find_crf(crf) if isinstance(crf, str) else crf)
        folder = ScoreFolder(path, data.label_set.class_names, stride=stride, crf=refiner)
        return folder, _with_scores(folder, data, path), num_cores()
    if path.suffix == ".safetensors":  # torch uses all cores for one picture
        engine = TorchEngine.from_checkpoint(weights)
        refiner = find_crf(crf, engine.card) if isinstance(crf, str) else crf
        return Segmenter(engine, scales=scales, flip=flip, crf=refiner), data, 1
    # One thread for each picture keeps cores busier than all threads on one.
    segmenter = Segmenter.load(weights, scales=scales, flip=flip, crf=crf, threads=1)
    return segmenter, data, num_cores()


def _single_threaded(crf: DenseCRF | None) -> DenseCRF | None:
    return None if crf is None else dataclasses.replace(crf, threads=1)


def _with_scores(folder: ScoreFolder, data: SegmentationData, path: Path) -> SegmentationData:
    samples = tuple(sample for sample in data.samples if sample.picture_path in folder)
    if not samples:
        raise ValueError(
            f"{path}: scores of none of the {len(data.samples)} pictures; they are called "
            f"{data.samples[0].picture_path.stem}.npz and so on"
        )
    if len(samples) < len(data.samples):
        _log.warning("%s: scores of %d of %d pictures", path, len(samples), len(data.samples))
    return dataclasses.replace(data, samples=samples)
