"""Label maps of a test split for its server: computed, packed, read again and checked."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab import whole_files
from deeplab.crf import DenseCRF
from deeplab.data import Sample, SegmentationData, open_split
from deeplab.evaluation import Server, check_submission, find_server, write_archive
from deeplab.inference import ScoreFolder, Segmenter, plain_parameters
from deeplab.processor import in_order
from deeplab.runs.scorers import open_scorer

_ABOUT = "submission.json"


@dataclass(frozen=True)
class Submission:
    """What is ready for the server.

    Attributes:
        path: The archive, or the folder of label maps.
        num_pictures: How many label maps are in it.
        num_new: How many of them were computed now; the others were there.
    """

    path: Path
    num_pictures: int
    num_new: int


def submit(
    weights: str | Path,
    data_root: Path,
    split: str,
    *,
    out_dir: Path,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | tuple[int, int] | None = None,
    overlap: float | None = None,
    crf: DenseCRF | str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Submission:
    """Make the files that the test server of a data set takes.

    An interrupted run goes on with the label maps that are not there yet.

    Args:
        weights: A published name, a network file (`.onnx`) or a checkpoint (`.safetensors`).
        data_root: PASCAL VOC 2012 or Cityscapes; see `evaluate`.
        split: The pictures; they need no label maps.
        out_dir: Gets the label maps, in `results`, the archive if the server takes one, and what
            they were made with, `submission.json`.
        scales: See `evaluate`.
        flip: See `evaluate`.
        window: See `evaluate`.
        overlap: See `evaluate`.
        crf: See `evaluate`.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: A data set without a server that we know, weights that do not fit it, a folder
            with the results of other weights or settings, or files that are wrong when they are
            read again.
    """
    if Path(weights).is_dir():
        raise ValueError(f"{weights} is a folder; give a published name, .onnx or .safetensors")
    data = open_split(data_root, split, labelled=False)
    server = find_server(data.label_set)
    segmenter, data, workers = open_scorer(
        weights, data, scales=scales, flip=flip, window=window, overlap=overlap, crf=crf
    )
    _check_classes(segmenter, data)
    about = {
        "weights": _identify(weights),
        "data": data.label_set.name,
        "split": split,
        "scales": list(scales),
        "flip": flip,
        "window": list(window) if isinstance(window, tuple) else window,
        "overlap": overlap,
        "crf": plain_parameters(crf) if isinstance(crf, DenseCRF) else crf,
    }
    _claim(out_dir, about)
    num_new = _write_label_maps(
        segmenter, data.samples, server, out_dir, workers=workers, progress=progress
    )
    path = out_dir / (server.archive_name or "results")
    try:
        if server.archive_name is None:
            check_submission(path, server, data.samples)
        else:
            write_archive(path, out_dir, server, data.samples)
    except ValueError as error:
        raise ValueError(
            f"{error}. Delete these files below {out_dir} and run the same command again"
        ) from error
    return Submission(path, len(data.samples), num_new)


def check(path: Path, data_root: Path, split: str) -> int:
    """Check files for a test server that are there already; say of how many pictures they are.

    Args:
        path: The archive, or the folder of label maps.
        data_root: See `submit`.
        split: See `submit`.

    Raises:
        ValueError: The server would refuse them or score them wrongly; the message names files and
            reasons.
    """
    data = open_split(data_root, split, labelled=False)
    check_submission(path, find_server(data.label_set), data.samples)
    return len(data.samples)


def _write_label_maps(
    segmenter: Segmenter | ScoreFolder,
    samples: Sequence[Sample],
    server: Server,
    out_dir: Path,
    *,
    workers: int,
    progress: Callable[[int, int], None],
) -> int:
    """Write the label maps that are not there yet, and say how many these were."""

    def write(sample: Sample) -> None:
        content = server.encode(segmenter(sample.picture_path).labels)
        path = out_dir / server.place(sample)
        path.parent.mkdir(parents=True, exist_ok=True)
        whole_files.write_atomically(path, lambda file: file.write(content))

    to_do = [sample for sample in samples if not (out_dir / server.place(sample)).exists()]
    there = len(samples) - len(to_do)
    for done, _ in enumerate(in_order(write, to_do, workers=workers), start=1):
        progress(there + done, len(samples))
    return len(to_do)


def _check_classes(segmenter: Segmenter | ScoreFolder, data: SegmentationData) -> None:
    names, wanted = segmenter.card.class_names, data.label_set.class_names
    if names != wanted:
        differing = ", ".join(sorted(set(wanted) ^ set(names))[:5]) or "their order"
        raise ValueError(
            f"the network scores {len(names)} classes and {data.label_set.name} has {len(wanted)} "
            f"(what differs: {differing}); take weights that were trained for it"
        )


def _identify(weights: str | Path) -> str:
    """Name weights so that others in the same place are told from them."""
    path = Path(weights)
    if not path.is_file():
        return str(weights)
    with path.open("rb") as file:
        return f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}"


def _claim(out_dir: Path, about: dict[str, object]) -> None:
    """Say what the results in a folder are made with; refuse one with other results."""
    path = out_dir / _ABOUT
    text = json.dumps(about, indent=2) + "\n"
    if path.is_file() and path.read_text() != text:
        raise ValueError(
            f"{out_dir} holds results of other weights or settings ({path}): choose another folder "
            "with --out, or give the same to go on with them"
        )
    if not path.is_file() and (out_dir / "results").exists():
        raise ValueError(f"{out_dir}/results is there already, but not from us; choose another one")
    out_dir.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(text.encode()))
