"""`deeplab submit`: label maps of a test split, as the server of its data set takes them."""

from pathlib import Path
from typing import Annotated

import typer

from deeplab.cli.arguments import (
    CrfChoice,
    WindowOverlap,
    WindowSize,
    parse_numbers,
    parse_window,
)
from deeplab.cli.progress import show_progress


def submit(
    data: Annotated[Path, typer.Option(help="Folder of PASCAL VOC 2012 or of Cityscapes.")],
    weights: Annotated[
        str | None,
        typer.Argument(help="Published name, network file (.onnx) or checkpoint (.safetensors)."),
    ] = None,
    split: Annotated[str, typer.Option(help="The pictures; label maps are not needed.")] = "test",
    out: Annotated[Path, typer.Option(help="Folder for label maps and archive.")] = Path("submit"),
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE_OR_FOLDER", help="Check this archive or folder instead of making one."
        ),
    ] = None,
    scales: Annotated[
        str, typer.Option(help="Picture scales whose scores are fused, such as 0.5,0.75,1.")
    ] = "1",
    flip: Annotated[bool, typer.Option("--flip", help="Score the mirrored picture too.")] = False,
    window: WindowSize = None,
    overlap: WindowOverlap = None,
    crf: CrfChoice = None,
) -> None:
    """Make the files that a test server takes: VOC's comp6 archive, Cityscapes' label ids.

    All are read again and checked before they are called ready: every picture once, at its size,
    with the right values and palette. The same command goes on after an interruption.
    """
    from deeplab.runs import submission as runs

    if (weights is None) == (check is None):
        raise ValueError("give weights to make files for the server, or --check with such files")
    if check is not None:
        if scales != "1" or flip or window or overlap or crf:
            raise ValueError("--check labels nothing: leave out scales, flip, windows and CRF")
        number = runs.check(check, data, split)
        print(f"{check}: fine, {number} pictures")
        return
    assert weights is not None
    with show_progress("labelling", "labelled") as tell:
        made = runs.submit(
            weights,
            data,
            split,
            out_dir=out,
            scales=parse_numbers(scales, "--scales"),
            flip=flip,
            window=parse_window(window),
            overlap=overlap,
            crf=crf,
            progress=tell,
        )
    counts = f"{made.num_pictures} pictures ({made.num_new} labelled now)"
    print(f"{made.path}: checked and ready, {counts}")
