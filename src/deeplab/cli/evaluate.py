"""`deeplab evaluate`: score a network file on a data set."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplab.cli.arguments import parse_numbers
from deeplab.cli.progress import make_bar

if TYPE_CHECKING:
    from deeplab.evaluation import Scores


def evaluate(
    weights: Annotated[
        str,
        typer.Argument(help="Published name, network file (.onnx) or checkpoint (.safetensors)."),
    ],
    data: Annotated[
        Path, typer.Option(help="Folder in VOC layout, or with images/, masks/ and classes.txt.")
    ],
    split: Annotated[str, typer.Option(help="List of pictures, such as val.")],
    scales: Annotated[
        str, typer.Option(help="Picture scales whose scores are fused, such as 0.5,0.75,1.")
    ] = "1",
    flip: Annotated[bool, typer.Option("--flip", help="Score the mirrored picture too.")] = False,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pictures, spread over the split.")
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Write all scores here as JSON.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the scores here as CSV.")] = None,
) -> None:
    """Score a network on a data set: mean IoU, IoU per class, accuracies.

    One confusion matrix over all pictures at full size, by PASCAL VOC's rules.
    """
    from deeplab import runs

    for path in (json, csv):
        _check_writable(path)
    parsed_scales = parse_numbers(scales, "--scales")
    with _progress() as tell:
        scores = runs.evaluate(
            weights, data, split, scales=parsed_scales, flip=flip, limit=limit, progress=tell
        )
    about = {
        "weights": weights,
        "data": str(data),
        "split": split,
        "scales": parsed_scales,
        "flip": flip,
        "limit": limit,
    }
    _write(json, scores.to_json(about))
    _write(csv, scores.to_csv())
    _show(scores, f"{weights} on {split}")


def _check_writable(path: Path | None) -> None:
    """Make the folder now: a long evaluation must not end at a missing one."""
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the name of a file to write")
    path.parent.mkdir(parents=True, exist_ok=True)


def _write(path: Path | None, text: str) -> None:
    from deeplab import imaging

    if path is not None:
        imaging.write_atomically(path, lambda file: file.write(text.encode()))


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """Tell how far it is: a bar on a terminal, else a line after every tenth."""
    if not sys.stderr.isatty():
        yield _tell_tenths
        return
    with make_bar(Console(stderr=True), transient=True) as bar:
        task = bar.add_task("scoring", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tell_tenths(done: int, total: int) -> None:
    if 10 * done // total > 10 * (done - 1) // total:
        print(f"[{done}/{total}] scored", file=sys.stderr)


def _show(scores: "Scores", title: str) -> None:
    table = Table(
        title=Text(title), caption=f"{scores.num_pictures} pictures; all values in per cent"
    )
    table.add_column("class")
    for heading in ("IoU", "accuracy", "of pixels"):
        table.add_column(heading, justify="right")
    num_pixels = max(sum(map(sum, scores.confusion)), 1)
    for name, iou, accuracy, row in zip(
        scores.class_names, scores.class_iou, scores.class_accuracy, scores.confusion, strict=True
    ):
        table.add_row(
            Text(name), _percent(iou), _percent(accuracy), _percent(sum(row) / num_pixels)
        )
    table.add_section()
    table.add_row("mean", _percent(scores.mean_iou), _percent(scores.mean_accuracy), "")
    table.add_row("weighted by frequency", _percent(scores.frequency_weighted_iou), "", "")
    table.add_row("all pixels", "", _percent(scores.pixel_accuracy), "")
    Console().print(table)
    if scores.absent_classes:
        print(f"Neither there nor found, so IoU 0 by the rules: {', '.join(scores.absent_classes)}")


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
