"""Find CRF parameters for weights, or for stored class scores."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.crf import DenseCRF
from deeplab.data import Sample, open_split
from deeplab.evaluation import (
    Method,
    Objective,
    Ranges,
    Search,
    TrialLog,
    Watch,
    search_crf,
    spread,
)
from deeplab.inference import ScoredPicture, plain_parameters, write_crf
from deeplab.processor import in_order, num_cores
from deeplab.runs.scorers import open_scorer


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
    watch: Watch = lambda done, total, best: None,
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
    segmenter, data, workers = open_scorer(weights, open_split(data_root, split), stride=stride)
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
