"""`deeplab benchmark`: which engine runs a network fastest on this machine."""

import json as json_format
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from deeplab import whole_files
from deeplab.cli.arguments import Verbose, split_list
from deeplab.cli.benchmark_shown import (
    as_plain,
    show_benchmark,
    show_choices,
    show_quality,
    show_records,
)
from deeplab.cli.progress import show_progress
from deeplab.weights import DEFAULT

_Choice = TypeVar("_Choice", bound=str)


def benchmark(
    weights: Annotated[
        str, typer.Argument(help="Published name, network file (.onnx) or checkpoint.")
    ] = DEFAULT,
    engines: Annotated[
        str, typer.Option(help="Which to try; those that are not installed are left out.")
    ] = "onnxruntime,openvino,torch",
    precisions: Annotated[
        str,
        typer.Option(
            help="Which to try; left out: bf16 where the processor lacks it, int8 where the "
            "weights have no file for it."
        ),
    ] = "f32,bf16,int8",
    sizes: Annotated[
        str, typer.Option(metavar="WxH,...", help="Pictures; `auto` goes by the first size.")
    ] = "500x375",
    threads: Annotated[
        str,
        typer.Option(
            metavar="N,...",
            help="Processor threads; default: all on one picture, and as many pictures at once as "
            "there are cores.",
        ),
    ] = "",
    rounds: Annotated[int, typer.Option(min=1, help="How often each is timed.")] = 5,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Try torch.compile too; it takes minutes.")
    ] = False,
    data: Annotated[
        Path | None,
        typer.Option(help="Data set: measure the mean IoU of every engine and precision too."),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Its list of pictures, such as val.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Only so many pictures, spread over the split.")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.onnx",
            help="Write the network file with what --data showed of reduced precisions; where it "
            "is harmless, `auto` uses them from then on.",
        ),
    ] = None,
    emulate: Annotated[
        bool,
        typer.Option(
            "--emulate",
            help="With --data, on a processor without bfloat16: measure what it changes, in torch.",
        ),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw it (.png, .svg, .pdf).")
    ] = None,
    json: Annotated[Path | None, typer.Option(metavar="FILE", help="Write all of it.")] = None,
    verbose: Verbose = False,
) -> None:
    """Time engines, precisions, sizes and threads on this machine, in turns.

    What `--engine auto` takes from then on is remembered: what is done first, start included, of
    what gives the right labels here.
    """
    from deeplab.runs import benchmark as runs
    from deeplab.runs import quality

    if (data is None) != (split is None) or (data is None and (store or limit or emulate)):
        raise ValueError("--data and --split go together; --limit, --store and --emulate need them")
    if store is not None:
        quality.check_store(weights, store)
    if data is not None and split is not None:
        from deeplab.data import open_split

        open_split(data, split)  # what is wrong with it is told before minutes of timing
    if plot is not None:
        from deeplab.runs import benchmark_plot

        benchmark_plot.check_plot(plot)
    with show_progress("timing", "timed") as tell:
        timed = runs.benchmark(
            weights,
            engines=_chosen(engines, "--engines", runs.ENGINES),
            precisions=_chosen(precisions, "--precisions", runs.PRECISIONS),
            sizes=[_parse_size(size) for size in split_list(sizes)],
            loads=[(_parse_count(count), 1) for count in split_list(threads)] or runs.usual_loads(),
            rounds=rounds,
            compiled=compiled,
            progress=tell,
        )
    show_benchmark(timed, weights)
    qualities: dict[Any, quality.Quality] = {}
    if data is not None and split is not None:
        setups = list(dict.fromkeys(timing.setup for timing in timed.timings))
        if emulate and runs.EMULATED not in setups:
            setups.append(runs.EMULATED)
        with show_progress("scoring", "scored") as tell:
            qualities = quality.measure_quality(
                weights, setups, data, split, limit=limit, progress=tell
            )
    if qualities:
        show_quality(timed, qualities)
    show_choices(timed)
    if store is not None:
        show_records(quality.store_records(weights, qualities, store), store)
    if plot is not None:
        benchmark_plot.draw_benchmark(plot, timed, title=f"{weights}, {runs.describe_machine()}")
    if json is not None:
        _write_json(json, as_plain(timed, qualities, weights, runs.describe_machine()))


def _chosen(text: str, option: str, allowed: Sequence[_Choice]) -> list[_Choice]:
    words = split_list(text)
    for word in words or [""]:
        if word not in allowed:
            raise ValueError(f"{option} {text}: give some of {','.join(allowed)}")
    return [choice for choice in allowed if choice in words]


def _parse_size(text: str) -> tuple[int, int]:
    """Read "500x375", width and height; give height and width."""
    if not re.fullmatch(r"\d+x\d+", text):
        raise ValueError(f"--sizes {text}: give WIDTHxHEIGHT, such as 500x375")
    width, height = map(int, text.split("x"))
    return height, width


def _parse_count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--threads {text}: give numbers from 1 on, with commas between them")
    return int(text)


def _write_json(path: Path, values: dict[str, Any]) -> None:
    content = (json_format.dumps(values, indent=1) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))
