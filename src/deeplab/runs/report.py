"""The report of an evaluation: a page with the pictures that came out worst, segmented again."""

import datetime
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import deeplab
from deeplab import imaging
from deeplab.crf import DenseCRF
from deeplab.data import Sample, SegmentationData, open_split
from deeplab.evaluation import (
    Drawing,
    Evaluation,
    MaskFolder,
    PictureScores,
    Scorer,
    compare,
    draw_close_up,
    estimate_intervals,
    holds_masks,
)
from deeplab.inference import (
    STORED,
    EngineChoice,
    PrecisionChoice,
    Segmenter,
    plain_parameters,
)
from deeplab.network_card import NetworkCard
from deeplab.runs.scorers import open_scorer, short_names
from deeplab.weights import resolve_network


def write_report(
    path: Path,
    evaluations: Mapping[str, Evaluation],
    data_root: Path,
    split: str,
    *,
    scales: Sequence[float] = (1.0,),
    flip: bool = False,
    window: int | tuple[int, int] | None = None,
    overlap: float | None = None,
    crf: DenseCRF | str | None = None,
    stride: int | None = None,
    engine: EngineChoice = "auto",
    precision: PrecisionChoice = "f32",
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the report of one evaluation, or of two that are compared (needs the `plots` extra).

    Only the pictures that are shown are segmented again; of these, one is in memory at a time.

    Args:
        path: An `.html` file.
        evaluations: What `evaluate` gave, by the weights; one or two.
        data_root: See `evaluate`, as all that follows: give what was given there.
        split: See `evaluate`.
        scales: See `evaluate`.
        flip: See `evaluate`.
        window: See `evaluate`.
        overlap: See `evaluate`.
        crf: See `evaluate`.
        stride: See `evaluate`.
        engine: See `evaluate`.
        precision: See `evaluate`.
        progress: Called with pictures drawn and pictures in all.
    """
    from deeplab.evaluation import comparison_report, report  # matplotlib is an extra

    data = open_split(data_root, split)
    named = dict(zip(short_names(list(evaluations)), evaluations.values(), strict=True))
    scorers: dict[str, Scorer] = {
        weights: MaskFolder(Path(weights))
        if holds_masks(Path(weights))
        else open_scorer(
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
        )[0]
        for weights in evaluations
    }
    close_up = _make_close_up(dict(zip(named, scorers.values(), strict=True)), data)
    (first, *others) = evaluations.values()
    num_pictures = first.scores.num_pictures
    about = {
        "data": f"{data_root}, {split}: {num_pictures} of {len(data.samples)} pictures",
        **_settings(scales, flip, stride),
    }
    for weights, scorer in scorers.items():
        about |= _describe_weights(weights, scorer, crf)
    title = f"{' and '.join(named)} on {split}"
    if others:
        comparison_report.write_comparison(
            path,
            compare(first, others[0]),
            named,
            title=title,
            about=about,
            label_set=data.label_set,
            close_up=close_up,
            progress=progress,
        )
        return
    report.write_report(
        path,
        first,
        title=title,
        about=about,
        label_set=data.label_set,
        close_up=close_up,
        intervals=estimate_intervals(first),
        progress=progress,
    )


def _make_close_up(
    scorers: Mapping[str, Scorer], data: SegmentationData
) -> Callable[[PictureScores], list[Drawing]]:
    samples = {sample.name: sample for sample in data.samples}
    num_classes = len(data.label_set.class_names)

    def close_up(picture: PictureScores) -> list[Drawing]:
        sample = samples[picture.name]
        found = {
            weights if len(scorers) > 1 else "": _find_labels(scorer, sample, num_classes)
            for weights, scorer in scorers.items()
        }
        truth = sample.read_labels(num_classes)
        return draw_close_up(sample.read_picture(), truth, found, label_set=data.label_set)

    return close_up


def _find_labels(scorer: Scorer, sample: Sample, num_classes: int) -> imaging.LabelMap:
    if isinstance(scorer, MaskFolder):
        return scorer.read(sample, num_classes)
    return scorer(sample.picture_path).labels


def _settings(scales: Sequence[float], flip: bool, stride: int | None) -> dict[str, str]:
    settings = {
        "scales": ", ".join(f"{scale:g}" for scale in scales),
        "mirrored too": "yes" if flip else "no",
    }
    if stride is not None:
        settings["stride of the scores"] = f"{stride} pixels"
    today = datetime.datetime.now(datetime.UTC).date()
    return {**settings, "made": f"{today.isoformat()} by deeplab {deeplab.__version__}"}


def _describe_weights(weights: str, scorer: Scorer, crf: DenseCRF | str | None) -> dict[str, str]:
    if isinstance(scorer, MaskFolder):
        return {weights: "a folder of label maps"}
    card = scorer.card
    facts = {weights: _identity(weights, card.name)}
    if isinstance(scorer, Segmenter) and scorer.engine.setup is not None:
        facts[f"{weights} computed by"] = str(scorer.engine.setup)
    if card.provenance:
        made_of = "; ".join(f"{key}: {value}" for key, value in card.provenance.items())
        facts[f"{weights} comes from"] = made_of
    if crf is not None:
        facts[f"{weights} CRF"] = _describe_crf(crf, card)
    return facts


def _describe_crf(crf: DenseCRF | str, card: NetworkCard) -> str:
    if isinstance(crf, str):
        parameters = card.crf if crf == STORED else None
        name = "stored with the network" if crf == STORED else crf
    else:
        parameters, name = plain_parameters(crf), "as given"
    return f"{name}: {_in_words(parameters)}" if parameters else name


def _in_words(parameters: Mapping[str, Any]) -> str:
    parts = [
        f"{key} ({_in_words(value)})" if isinstance(value, Mapping) else f"{key} {value}"
        for key, value in parameters.items()
    ]
    return ", ".join(parts)


def _identity(weights: str, name: str) -> str:
    """Name weights, and tell files from others of the same name by their hash."""
    path = Path(weights)
    if path.is_dir():
        return "a folder of class scores"
    if path.suffix != ".safetensors":
        path = resolve_network(weights)
    with path.open("rb") as file:
        return f"{name}, SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()[:16]}..."
