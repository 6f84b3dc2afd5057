"""`deeplab segment`: masks of photos."""

import json as json_format
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console

from deeplab.cli.arguments import (
    CrfChoice,
    WindowOverlap,
    WindowSize,
    parse_numbers,
    parse_window,
    split_list,
)
from deeplab.cli.outcomes import describe, show, show_failures
from deeplab.cli.progress import make_bar
from deeplab.weights import DEFAULT

if TYPE_CHECKING:
    from deeplab.inference import Outcome


def segment(
    photos: Annotated[
        list[str],
        typer.Argument(
            metavar="PHOTO",
            help="Files, folders (with their sub-folders), patterns, or - for standard input.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("segmented"),
    save: Annotated[
        str,
        typer.Option(
            help="What to save: mask (indexed PNG), overlay (JPEG), probs (probability of every "
            "class, float16 npz), cutout (RGBA PNG)."
        ),
    ] = "mask,overlay",
    classes: Annotated[
        str, typer.Option(help="Classes that the cutout keeps; default: all but the background.")
    ] = "",
    weights: Annotated[str, typer.Option(help="Published name or network file (.onnx).")] = DEFAULT,
    scales: Annotated[
        str, typer.Option(help="Picture scales; the largest class score counts.")
    ] = "1",
    flip: Annotated[
        bool, typer.Option("--flip", help="Score the mirrored picture too, and average.")
    ] = False,
    longest_side: Annotated[
        int | None,
        typer.Option(
            help="Shrink larger pictures to so many pixels before scoring; results keep the "
            "original size. Default: what the network is made for.",
        ),
    ] = None,
    window: WindowSize = None,
    overlap: WindowOverlap = None,
    crf: CrfChoice = None,
    threads: Annotated[
        int | None, typer.Option(help="Processor threads; default: one for each core.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Do pictures again whose results are there.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")
    ] = False,
) -> None:
    """Find the objects in photos: NAME.mask.png and NAME.overlay.jpg at the photo's own size.

    Lists are separated by commas: --scales 0.5,0.75,1 --save mask,cutout --classes cat,dog.
    Results that are there already are skipped. Exit code 1: some pictures could not be done (they
    are listed at the end); 2: none could.
    """
    from deeplab import inference

    outputs, kept = split_list(save), split_list(classes)
    segmenter = inference.Segmenter.load(
        weights,
        scales=parse_numbers(scales, "--scales"),
        flip=flip,
        longest_side=longest_side,
        window=parse_window(window),
        overlap=overlap,
        threads=threads,
        crf=crf,
    )
    inference.check_outputs(outputs, kept, segmenter.card.class_names)
    jobs, failed = inference.find_jobs(photos, out, standard_input=sys.stdin.buffer)
    outcomes = inference.segment_files(
        segmenter,
        jobs,
        outputs=cast("list[inference.Output]", outputs),  # checked above
        classes=kept,
        overwrite=overwrite,
    )
    told = []
    with _progress(len(jobs) + len(failed)) as tell:
        for outcome in chain(failed, outcomes):
            told.append(outcome)
            if json:
                print(json_format.dumps(_as_json(outcome)), flush=True)
            tell(outcome)
    if not json:
        show(told)
    show_failures(told)
    if all(outcome.status == "failed" for outcome in told):
        raise typer.Exit(2)
    if any(outcome.status == "failed" for outcome in told):
        raise typer.Exit(1)


@contextmanager
def _progress(total: int) -> Iterator[Callable[["Outcome"], object]]:
    """Tell what is done: a bar on a terminal, else a line for each picture; nothing for one."""
    if total > 1 and sys.stderr.isatty():
        with make_bar(Console(stderr=True), transient=True) as bar:
            task = bar.add_task("segmenting", total=total)
            yield lambda outcome: bar.advance(task)
    elif total > 1:
        count = iter(range(1, total + 1))
        yield lambda outcome: print(f"[{next(count)}/{total}] {describe(outcome)}", file=sys.stderr)
    else:
        yield lambda outcome: None


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    values: dict[str, Any] = {"picture": outcome.name, "status": outcome.status}
    if outcome.status == "failed":
        return values | {"reason": outcome.reason}
    values["outputs"] = {output: str(path) for output, path in outcome.outputs.items()}
    if outcome.size is not None:
        values["height"], values["width"] = outcome.size
        values["classes"] = [asdict(one) for one in outcome.found]
    return values
