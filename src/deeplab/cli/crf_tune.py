"""`deeplab crf tune`: find the CRF's parameters for a network, or for class scores in files."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from deeplab.cli.arguments import parse_range
from deeplab.cli.progress import make_bar
from deeplab.weights import DEFAULT

if TYPE_CHECKING:
    from deeplab.evaluation import Search, Trial


def tune(
    data: Annotated[
        Path, typer.Option(help="Folder in VOC layout, or with images/, masks/ and classes.txt.")
    ],
    split: Annotated[
        str, typer.Option(help="Pictures to tune on: not those that you report scores of.")
    ],
    weights: Annotated[
        str | None,
        typer.Option(
            help=f"Published name, network file or checkpoint; default: {DEFAULT}.",
        ),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Instead of weights: folder of class scores, NAME.npz for NAME.jpg."),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(min=1, help="Of these: pixels from one to the next. Default: they span it."),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="Folder for best.yaml, trials.csv and heatmap.png.")
    ] = Path("crf-tuned"),
    limit: Annotated[
        int, typer.Option(min=1, help="Only so many pictures, spread over the split.")
    ] = 100,
    weight: Annotated[
        str, typer.Option(metavar="FROM:STEP:TO", help="Weight of the bilateral kernel.")
    ] = "3:1:6",
    xy: Annotated[
        str, typer.Option(metavar="FROM:STEP:TO", help="Its standard deviation in pixels.")
    ] = "30:10:100",
    rgb: Annotated[
        str, typer.Option(metavar="FROM:STEP:TO", help="Its standard deviation in grey levels.")
    ] = "3:1:6",
    spatial_weight: Annotated[
        float, typer.Option(help="Weight of the spatial kernel, which stays as it is; 0: none.")
    ] = 3,
    spatial_xy: Annotated[float, typer.Option(help="Its standard deviation in pixels.")] = 3,
    search: Annotated[
        str,
        typer.Option(
            metavar="METHOD",
            help="grid: coarse, then finer around its best, as in the paper; random or tpe: points "
            "drawn from the ranges.",
        ),
    ] = "grid",
    trials: Annotated[int, typer.Option(min=1, help="Points to draw for random and tpe.")] = 60,
    seed: Annotated[int, typer.Option(help="Of the drawing.")] = 0,
) -> None:
    """Find the CRF parameters that give the highest mean IoU on a folder of pictures and labels.

    The network scores every picture once. The same command again goes on where an interrupted
    search stopped. Use the result with `segment --crf crf-tuned/best.yaml`, or store it in a
    network file with `export --crf`.
    """
    from deeplab import evaluation
    from deeplab.crf import DenseCRF, Spatial
    from deeplab.runs import crf as runs

    if search not in ("grid", "random", "tpe"):
        raise ValueError(f"--search {search}: give grid, random or tpe")
    if weights is not None and scores is not None:
        raise ValueError("give --weights or --scores, not both: either is what the CRF refines")
    ranges = evaluation.Ranges(
        parse_range(weight, "--weight"), parse_range(xy, "--xy"), parse_range(rgb, "--rgb")
    )
    base = DenseCRF(spatial=Spatial(spatial_weight, spatial_xy) if spatial_weight else ())
    with _progress() as (tell_scored, tell_trials):
        found = runs.tune_crf(
            scores or weights or DEFAULT,
            data,
            split,
            out_dir=out,
            base=base,
            ranges=ranges,
            method=cast("evaluation.Method", search),  # checked above
            num_trials=trials,
            seed=seed,
            stride=stride,
            limit=limit,
            progress=tell_scored,
            watch=tell_trials,
        )
    _show(found)
    print(out / "best.yaml")
    _draw(found, out / "heatmap.png")
    _warn(found)


@contextmanager
def _progress() -> Iterator[tuple[Callable[[int, int], None], Callable[[int, int, "Trial"], None]]]:
    """Tell how far it is: two bars on a terminal, else a line now and then."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _tell_scored, _tell_trials
        return
    with make_bar(console, "{task.fields[figures]}", transient=True) as bar:
        scoring = bar.add_task("scoring", total=None, figures="")
        trying = bar.add_task("trying", total=None, figures="")

        def tell_trials(done: int, total: int, best: "Trial") -> None:
            bar.update(trying, completed=done, total=total, figures=_figures(best))

        yield lambda done, total: bar.update(scoring, completed=done, total=total), tell_trials


def _tell_scored(done: int, total: int) -> None:
    if done == total:
        print(f"{total} pictures scored", file=sys.stderr)


def _tell_trials(done: int, total: int, best: "Trial") -> None:
    print(f"[{done}/{total}] best so far: {_figures(best)}", file=sys.stderr)


def _figures(trial: "Trial") -> str:
    weight, xy, rgb = trial.point
    return f"{_percent(trial.mean_iou)} % at weight {weight:g}, xy {xy:g}, rgb {rgb:g}"


def _show(found: "Search") -> None:
    table = Table(
        title=Text("the best of all trials"),
        caption=f"{found.num_pictures} pictures; without a CRF: "
        f"{_percent(found.mean_iou_without_crf)} %",
    )
    for heading in ("weight", "xy, pixels", "rgb, grey levels", "mean IoU, %", "gain"):
        table.add_column(heading, justify="right")
    ranked = sorted(found.trials, key=lambda trial: -trial.mean_iou)
    for trial in ranked[:10]:
        gain = 100 * (trial.mean_iou - found.mean_iou_without_crf)
        values = (f"{value:g}" for value in trial.point)
        table.add_row(*values, _percent(trial.mean_iou), f"{gain:+.2f}")
    Console().print(table)


def _draw(found: "Search", path: Path) -> None:
    try:
        from deeplab.evaluation import plots
    except ModuleNotFoundError as error:
        print(
            f"no heat map: {error.name} is not installed (pip install 'deeplabkit[plots]')",
            file=sys.stderr,
        )
        return
    plots.draw_search(path, found)
    print(path)


def _warn(found: "Search") -> None:
    if not found.helps:
        print(
            "warning: the CRF does not help: no trial is better than the scores without it. Its "
            "parameters were written all the same",
            file=sys.stderr,
        )
    elif found.on_border:
        print(
            f"note: the best {' and '.join(found.on_border)} lies on the border of what was tried: "
            "a wider range may hold better values",
            file=sys.stderr,
        )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f}"
