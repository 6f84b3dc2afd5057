"""Two evaluations side by side, as a page: which is better, where, and the pictures that differ.

Needs the `plots` extra.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deeplab.evaluation import plots, score_plots
from deeplab.evaluation.close_up import Drawing
from deeplab.evaluation.compare import ClassDifference, Comparison, PictureDifference
from deeplab.evaluation.record import Evaluation
from deeplab.evaluation.report import CloseUp, describe_picture, percent
from deeplab.evaluation.verdict import describe_verdict, largest_changes, span_in_points
from deeplab.labels import LabelSet
from deeplab.page import Bar, Page, Swatch

NUM_PICTURES = 10
"""So many are shown that gained most, and so many that lost most."""

_NUM_CLASSES = 5


def write_comparison(
    path: Path,
    comparison: Comparison,
    evaluations: Mapping[str, Evaluation],
    *,
    title: str,
    about: Mapping[str, str],
    label_set: LabelSet,
    close_up: CloseUp,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page, one file that needs nothing beside it.

    Args:
        path: An `.html` file; its folder is made.
        comparison: Of the two evaluations.
        evaluations: Both, by what they are called, the first first.
        title: What was scored on what.
        about: What was evaluated and how, in words.
        label_set: Colours of the classes.
        close_up: Draws a picture: the photo, the truth, and found and wrong of either.
        progress: Called with pictures drawn and pictures in all.
    """
    names = list(evaluations)
    page = Page(title)
    page.text(describe_verdict(comparison, *names))
    _write_tiles(page, comparison, names)
    page.facts(about)
    _write_classes(page, comparison, names, label_set)
    _write_curves(page, evaluations)
    _write_pictures(page, comparison, evaluations, close_up, progress)
    page.write(path)


def _write_tiles(page: Page, comparison: Comparison, names: Sequence[str]) -> None:
    span = span_in_points(comparison.interval)
    page.tiles(
        [
            (f"mean IoU of {names[0]}", percent(comparison.first), "the first"),
            (f"mean IoU of {names[1]}", percent(comparison.second), "the second"),
            (
                "the second less the first",
                f"{100 * comparison.difference:+.2f}",
                f"{100 * comparison.level:g} %: {span}",
            ),
            (
                "pictures",
                f"{len(comparison.better)} : {len(comparison.worse)}",
                f"the second is better : worse, of {len(comparison.pictures)}",
            ),
        ]
    )
    page.text(
        "The interval is where the difference lies for other draws of as many pictures of this "
        "kind, the same for both (paired bootstrap). p is how often a difference as large comes "
        "about if both are equally good (permutation test over pictures).",
        kind="quiet",
    )


def _write_classes(
    page: Page, comparison: Comparison, names: Sequence[str], label_set: LabelSet
) -> None:
    page.heading("Classes")
    gained, lost = largest_changes(comparison.classes, count=_NUM_CLASSES)
    page.items(
        [
            f"gained most: {_list_classes(gained)}",
            f"lost most: {_list_classes(lost)}",
        ]
    )
    headings = [
        *("class", "", f"IoU of {names[0]}", f"IoU of {names[1]}", "difference, points"),
        f"{100 * comparison.level:g} % interval",
    ]
    rows = [
        (
            one.name,
            Swatch(colour),
            Bar(one.first),
            Bar(one.second),
            f"{100 * one.difference:+.2f}",
            None if one.interval is None else span_in_points(one.interval),
        )
        for one, colour in zip(comparison.classes, label_set.palette, strict=True)
    ]
    page.table(headings, rows, caption="IoU of each class in both")


def _list_classes(changes: Sequence[ClassDifference]) -> str:
    return ", ".join(f"{one.name} {100 * one.difference:+.2f}" for one in changes) or "none"


def _write_curves(page: Page, evaluations: Mapping[str, Evaluation]) -> None:
    curves = {name: one.trimap for name, one in evaluations.items() if one.trimap is not None}
    if curves:
        page.heading("Boundaries")
        page.items(
            [
                f"Boundary IoU of {name}: {percent(one.boundary.mean_iou)}"
                for name, one in evaluations.items()
                if one.boundary is not None
            ]
        )
        page.drawing(
            plots.inline_svg(plots.trimap_figure(curves)),
            "Mean IoU of the pixels near the boundaries that the truth marks as void.",
            alt="Trimap curves of both.",
        )
    bins = {
        name: one.calibration for name, one in evaluations.items() if one.calibration is not None
    }
    if bins:
        page.heading("Calibration")
        page.drawing(
            plots.inline_svg(score_plots.reliability_figure(bins)),
            "Of the pixels of some confidence, how many are right: below the dashed line a network "
            "is too sure.",
            alt="Reliability diagram of both.",
        )


def _write_pictures(
    page: Page,
    comparison: Comparison,
    evaluations: Mapping[str, Evaluation],
    close_up: CloseUp,
    progress: Callable[[int, int], None],
) -> None:
    second = list(evaluations)[1]
    parts = {
        f"Pictures on which {second} gained most": comparison.better[:NUM_PICTURES],
        f"Pictures on which {second} lost most": comparison.worse[:NUM_PICTURES],
    }
    done, total = 0, sum(map(len, parts.values()))
    for heading, shown in parts.items():
        if not shown:
            continue
        page.heading(heading)
        page.text("Red is wrong, grey is void: not scored.", kind="quiet")
        for picture in shown:
            _write_picture(page, picture, evaluations, close_up)
            done += 1
            progress(done, total)


def _write_picture(
    page: Page,
    picture: PictureDifference,
    evaluations: Mapping[str, Evaluation],
    close_up: CloseUp,
) -> None:
    page.subheading(f"{picture.name}: {100 * picture.difference:+.2f} points")
    both = {
        name: next(one for one in evaluation.pictures if one.name == picture.name)
        for name, evaluation in evaluations.items()
    }
    page.items(
        [
            f"{name}: {describe_picture(one, evaluations[name].scores.class_names)}"
            for name, one in both.items()
        ]
    )
    drawings = close_up(next(iter(both.values())))
    page.pictures(_in_two_rows(drawings), width=480, columns=3, of=picture.name)


def _in_two_rows(drawings: Sequence[Drawing]) -> list[Drawing]:
    """Put the photo beside what was found, and below it the truth beside what is wrong."""
    return [*drawings[::2], *drawings[1::2]]
