"""`deeplab evaluate`: score a network file on a data set, or compare two."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from deeplab.cli.arguments import (
    CrfChoice,
    EngineOption,
    PrecisionOption,
    Verbose,
    WindowOverlap,
    WindowSize,
    parse_numbers,
    parse_window,
)
from deeplab.cli.cityscapes_shown import show_cityscapes
from deeplab.cli.progress import show_progress
from deeplab.cli.scores_shown import show_comparison, show_scores
from deeplab.cli.scores_written import ScoreFiles


def evaluate(
    weights: Annotated[
        str,
        typer.Argument(
            help="Published name, network file (.onnx), checkpoint (.safetensors), or folder of "
            "class scores (NAME.npz for NAME.jpg)."
        ),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder of a data set (VOC layout, images/ and masks/), or YAML.")
    ],
    split: Annotated[str, typer.Option(help="List of pictures, such as val.")],
    other: Annotated[
        str | None,
        typer.Argument(help="Other weights: scored on the same pictures, and compared."),
    ] = None,
    scales: Annotated[
        str, typer.Option(help="Picture scales whose scores are fused, such as 0.5,0.75,1.")
    ] = "1",
    flip: Annotated[bool, typer.Option("--flip", help="Score the mirrored picture too.")] = False,
    window: WindowSize = None,
    overlap: WindowOverlap = None,
    crf: CrfChoice = None,
    engine: EngineOption = "auto",
    precision: PrecisionOption = "f32",
    absent: Annotated[
        Literal["devkit", "present"],
        typer.Option(
            help="Classes that are neither there nor found count in the means as 0, as in VOC's "
            "devkit, or not at all: only those that are present count."
        ),
    ] = "devkit",
    boundary: Annotated[bool, typer.Option("--boundary", help="Measure Boundary IoU too.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.html",
            help="Write a page with all measures and the worst pictures; of two networks, with "
            "those that differ most.",
        ),
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--all", "--out", metavar="FOLDER", help="Write all files of the options below."
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all scores here as JSON.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the scores here as CSV.")] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Write the scores of single pictures here."),
    ] = None,
    confusion: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw the confusion matrix (.png, .svg, .pdf)."),
    ] = None,
    trimap: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score bands of 1 to 40 pixels around boundaries too: FILE.csv, or a plot (.png, "
            ".svg, .pdf) and its CSV beside it; with and without the CRF if --crf is given.",
        ),
    ] = None,
    calibration: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Measure whether confidence says how often the network is right: FILE.csv, or a "
            "plot and its CSV beside it.",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.npz",
            help="Keep counts here: the same command goes on where it was interrupted.",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Of stored scores: pixels from one to the next."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pictures, spread over the split.")
    ] = None,
    verbose: Verbose = False,
) -> None:
    """Score a network on a data set: mean IoU, IoU per class, accuracies.

    One confusion matrix over all pictures at full size, by PASCAL VOC's rules, and how much its
    mean IoU depends on the pictures. With two networks: is one better, and is that more than noise?
    """
    from deeplab.evaluation import compare, estimate_intervals
    from deeplab.runs import evaluation as runs
    from deeplab.runs.report import write_report
    from deeplab.runs.scorers import short_names

    _check_pair(weights, other, confusion)
    files = ScoreFiles(
        json=json,
        csv=csv,
        pictures=pictures,
        confusion=confusion,
        trimap=trimap,
        calibration=calibration,
        report=report,
    ).with_all_in(folder, but=_impossible(weights, other))
    files.check()
    parsed_scales = parse_numbers(scales, "--scales")
    evaluations = {}
    for one in (weights,) if other is None else (weights, other):
        with show_progress(f"scoring {one}", "scored") as tell:
            evaluations[one] = runs.evaluate(
                one,
                data,
                split,
                scales=parsed_scales,
                flip=flip,
                window=parse_window(window),
                overlap=overlap,
                crf=crf,
                stride=stride,
                measures=files.measures(one, boundary=boundary),
                convention=absent,
                limit=limit,
                keep=_kept(keep, one, other),
                engine=engine,
                precision=precision,
                progress=tell,
            )
    about: dict[str, object] = {
        "weights": weights,
        "data": str(data),
        "split": split,
        "scales": parsed_scales,
        "flip": flip,
        "limit": limit,
        "crf": crf,
    }
    if window is not None:
        about |= {"window": window, "overlap": overlap}
    if (engine, precision) != ("auto", "f32"):
        about |= {"engine": engine, "precision": precision}
    named = dict(zip(short_names(list(evaluations)), evaluations.values(), strict=True))
    title = f"{' and '.join(named)} on {split}"
    if other is None:
        intervals = estimate_intervals(evaluations[weights])
        cityscapes = evaluations[weights].cityscapes
        if cityscapes is not None:
            about["cityscapes"] = cityscapes.as_dict()
        files.write(evaluations[weights], intervals, about=about, title=title)
        show_scores(evaluations[weights], intervals, title)
        if cityscapes is not None:
            show_cityscapes(cityscapes)
    else:
        about["other"] = other
        comparison = compare(*evaluations.values())
        files.write_comparison(comparison, named, about=about, title=title)
        show_comparison(comparison, list(named), title)
    if files.report is not None:
        with show_progress("drawing", "drawn") as tell:
            write_report(
                files.report,
                evaluations,
                data,
                split,
                scales=parsed_scales,
                flip=flip,
                window=parse_window(window),
                overlap=overlap,
                crf=crf,
                stride=stride,
                engine=engine,
                precision=precision,
                progress=tell,
            )


def _check_pair(weights: str, other: str | None, confusion: Path | None) -> None:
    if other is None:
        return
    if weights == other:
        raise ValueError(f"{weights} cannot be compared with itself: give other weights")
    if confusion is not None:
        raise ValueError("--confusion draws one network: leave it out, or the other weights")


def _impossible(weights: str, other: str | None) -> list[str]:
    """Say which files `--all` cannot write."""
    from deeplab.evaluation import holds_masks

    without = ["confusion", "classes"] if other is not None else []
    if any(holds_masks(Path(one)) for one in (weights, other) if one is not None):
        without.append("calibration")  # label maps alone have no confidence
    return without


def _kept(keep: Path | None, weights: str, other: str | None) -> Path | None:
    """Name the file of counts; the second of two networks has one of its own."""
    return keep.with_stem(f"{keep.stem}-2") if keep is not None and weights == other else keep
