"""`deeplab segment`: masks of photos."""

import json as json_format
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplab.cli.arguments import parse_numbers
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

    outputs, kept = _split(save), _split(classes)
    segmenter = inference.Segmenter.load(
        weights,
        scales=parse_numbers(scales, "--scales"),
        flip=flip,
        longest_side=longest_side,
        threads=threads,
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
        _show(told)
    _show_failures(told)
    if all(outcome.status == "failed" for outcome in told):
        raise typer.Exit(2)
    if any(outcome.status == "failed" for outcome in told):
        raise typer.Exit(1)


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


@contextmanager
def _progress(total: int) -> Iterator[Callable[["Outcome"], object]]:
    """Tell what is done: a bar on a terminal, else a line for each picture; nothing for one."""
    if total > 1 and sys.stderr.isatty():
        with make_bar(Console(stderr=True), transient=True) as bar:
            task = bar.add_task("segmenting", total=total)
            yield lambda outcome: bar.advance(task)
    elif total > 1:
        count = iter(range(1, total + 1))
        yield lambda outcome: print(f"[{next(count)}/{total}] {_line(outcome)}", file=sys.stderr)
    else:
        yield lambda outcome: None


def _line(outcome: "Outcome") -> str:
    if outcome.status == "failed":
        return f"{outcome.name}: failed: {outcome.reason}"
    if outcome.status == "skipped":
        return f"{outcome.name}: skipped, results are there (--overwrite does it again)"
    found = ", ".join(f"{one.name} {_percent(one.share)}" for one in outcome.found)
    return f"{outcome.name}: {found}"


def _as_json(outcome: "Outcome") -> dict[str, Any]:
    values: dict[str, Any] = {"picture": outcome.name, "status": outcome.status}
    if outcome.status == "failed":
        return values | {"reason": outcome.reason}
    values["outputs"] = {output: str(path) for output, path in outcome.outputs.items()}
    if outcome.size is not None:
        values["height"], values["width"] = outcome.size
        values["classes"] = [asdict(one) for one in outcome.found]
    return values


def _show(outcomes: list["Outcome"]) -> None:
    if len(outcomes) > 1:
        _show_many(outcomes)
        return
    (outcome,) = outcomes
    if outcome.status == "skipped":
        print(_line(outcome))
    elif outcome.status == "done":
        Console().print(_picture_table(outcome))
    for path in outcome.outputs.values():
        print(path)


def _show_many(outcomes: list["Outcome"]) -> None:
    done = [outcome for outcome in outcomes if outcome.status == "done"]
    if done:
        Console().print(_summary_table(done))
    counts = Counter(outcome.status for outcome in outcomes)
    print(", ".join(f"{count} {status}" for status, count in sorted(counts.items())))


def _picture_table(outcome: "Outcome") -> Table:
    table = Table("class", title=Text(outcome.name))
    table.add_column("share of the picture", justify="right")
    table.add_column("mean confidence", justify="right")
    for one in outcome.found:
        table.add_row(Text(one.name), _percent(one.share), _percent(one.confidence))
    return table


def _summary_table(done: list["Outcome"]) -> Table:
    """Add up what all pictures show: every pixel counts the same, however large its picture."""
    pictures: Counter[str] = Counter()
    pixels: defaultdict[str, float] = defaultdict(float)
    confidence: defaultdict[str, float] = defaultdict(float)
    for outcome in done:
        height, width = outcome.size or (0, 0)
        for one in outcome.found:
            pictures[one.name] += 1
            pixels[one.name] += one.share * height * width
            confidence[one.name] += one.confidence * one.share * height * width
    table = Table("class", title=f"{len(done)} pictures")
    for heading in ("in pictures", "share of all pixels", "mean confidence"):
        table.add_column(heading, justify="right")
    total = sum(pixels.values())
    for name, count in sorted(pixels.items(), key=lambda item: -item[1]):
        mean = confidence[name] / count
        table.add_row(Text(name), str(pictures[name]), _percent(count / total), _percent(mean))
    return table


def _show_failures(outcomes: list["Outcome"]) -> None:
    failed = [outcome for outcome in outcomes if outcome.status == "failed"]
    if failed:
        print(f"{len(failed)} of {len(outcomes)} could not be done:", file=sys.stderr)
    for outcome in failed:
        print(f"  {outcome.name}: {outcome.reason}", file=sys.stderr)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.1f} %"
