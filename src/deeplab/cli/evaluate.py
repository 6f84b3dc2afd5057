"""`deeplab evaluate`: score a network file on a data set."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplab.cli.arguments import (
    CrfChoice,
    WindowOverlap,
    WindowSize,
    parse_numbers,
    parse_window,
)
from deeplab.cli.cityscapes_shown import show_cityscapes
from deeplab.cli.progress import show_progress

if TYPE_CHECKING:
    from deeplab.evaluation import Evaluation, MeasureName, Scores


def evaluate(
    weights: Annotated[
        str,
        typer.Argument(
            help="Published name, network file (.onnx), checkpoint (.safetensors), or folder of "
            "class scores (NAME.npz for NAME.jpg)."
        ),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder in VOC layout, or with images/, masks/ and classes.txt.")
    ],
    split: Annotated[str, typer.Option(help="List of pictures, such as val.")],
    scales: Annotated[
        str, typer.Option(help="Picture scales whose scores are fused, such as 0.5,0.75,1.")
    ] = "1",
    flip: Annotated[bool, typer.Option("--flip", help="Score the mirrored picture too.")] = False,
    window: WindowSize = None,
    overlap: WindowOverlap = None,
    crf: CrfChoice = None,
    trimap: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score bands of 1 to 40 pixels around boundaries too: FILE.csv, or a plot (.png, "
            ".svg, .pdf) and its CSV beside it; with and without the CRF if --crf is given.",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Of stored scores: pixels from one to the next."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pictures, spread over the split.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all scores here as JSON.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the scores here as CSV.")] = None,
) -> None:
    """Score a network on a data set: mean IoU, IoU per class, accuracies.

    One confusion matrix over all pictures at full size, by PASCAL VOC's rules.
    """
    from deeplab.runs import evaluation as runs

    for path in (json, csv, trimap):
        _check_writable(path)
    _check_plot(trimap)
    parsed_scales = parse_numbers(scales, "--scales")
    measures: tuple[MeasureName, ...] = () if trimap is None else ("trimap",)
    with show_progress("scoring", "scored") as tell:
        evaluation = runs.evaluate(
            weights,
            data,
            split,
            scales=parsed_scales,
            flip=flip,
            window=parse_window(window),
            overlap=overlap,
            crf=crf,
            stride=stride,
            measures=measures,
            limit=limit,
            progress=tell,
        )
    scores, before = evaluation.scores, evaluation.without_crf
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
    if before is not None:
        about["mean_iou_without_crf"] = before.scores.mean_iou
    if evaluation.cityscapes is not None:
        about["cityscapes"] = evaluation.cityscapes.as_dict()
    _write(json, scores.to_json(about))
    _write(csv, scores.to_csv())
    _write_trimap(trimap, evaluation, f"{weights} on {split}")
    _show(scores, f"{weights} on {split}", before.scores if before else None)
    if evaluation.cityscapes is not None:
        show_cityscapes(evaluation.cityscapes)


def _check_writable(path: Path | None) -> None:
    """Make the folder now: a long evaluation must not end at a missing one."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)


def _check_plot(path: Path | None) -> None:
    """Find out now whether a plot can be drawn."""
    if path is None or path.suffix == ".csv":
        return
    from deeplab.evaluation import plots

    if path.suffix not in plots.SUFFIXES:
        allowed = ", ".join((".csv", *plots.SUFFIXES))
        raise ValueError(f"--trimap {path}: the name of the file ends in one of {allowed}")


def _write(path: Path | None, text: str) -> None:
    from deeplab import imaging

    if path is not None:
        imaging.write_atomically(path, lambda file: file.write(text.encode()))


def _write_trimap(path: Path | None, evaluation: "Evaluation", title: str) -> None:
    from deeplab.evaluation import curves_to_csv

    if path is None or evaluation.trimap is None:
        return
    curves = {"without CRF": evaluation.trimap}
    if evaluation.without_crf is not None and evaluation.without_crf.trimap is not None:
        curves = {"without CRF": evaluation.without_crf.trimap, "with CRF": evaluation.trimap}
    _write(path.with_suffix(".csv"), curves_to_csv(curves))
    if path.suffix != ".csv":
        from deeplab.evaluation import plots

        plots.draw_trimap(path, curves, title=title)


def _show(scores: "Scores", title: str, before: "Scores | None") -> None:
    table = Table(
        title=Text(title), caption=f"{scores.num_pictures} pictures; all values in per cent"
    )
    table.add_column("class")
    for heading in ("IoU", "accuracy", "of pixels", *(("IoU without CRF",) if before else ())):
        table.add_column(heading, justify="right")
    num_pixels = max(sum(map(sum, scores.confusion)), 1)
    for label, name in enumerate(scores.class_names):
        table.add_row(
            Text(name),
            _percent(scores.class_iou[label]),
            _percent(scores.class_accuracy[label]),
            _percent(sum(scores.confusion[label]) / num_pixels),
            *((_percent(before.class_iou[label]),) if before else ()),
        )
    table.add_section()
    table.add_row(
        "mean",
        _percent(scores.mean_iou),
        _percent(scores.mean_accuracy),
        "",
        *((_percent(before.mean_iou),) if before else ()),
    )
    table.add_row("weighted by frequency", _percent(scores.frequency_weighted_iou), "", "")
    table.add_row("all pixels", "", _percent(scores.pixel_accuracy), "")
    Console().print(table)
    if scores.absent_classes:
        print(f"Neither there nor found, so IoU 0 by the rules: {', '.join(scores.absent_classes)}")


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
