"""An evaluation as a page to look at: numbers, drawings, and the pictures that came out worst.

Needs the `plots` extra. Each section is a function that writes onto the page what was measured, and
says in a line what the measure means; what was not measured is left out.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deeplab.evaluation import plots, score_plots
from deeplab.evaluation.bootstrap import Interval, Intervals
from deeplab.evaluation.close_up import Drawing
from deeplab.evaluation.confusions import most_frequent
from deeplab.evaluation.pictures import PictureScores
from deeplab.evaluation.record import Evaluation
from deeplab.labels import LabelSet
from deeplab.page import Bar, Cell, Page, Percent, Swatch

NUM_WORST = 20
"""So many pictures are shown."""

_NUM_CONFUSIONS = 12

CloseUp = Callable[[PictureScores], Sequence[Drawing]]
"""Segments a picture again and draws it; called for the pictures that are shown, one by one."""


def write_report(
    path: Path,
    evaluation: Evaluation,
    *,
    title: str,
    about: Mapping[str, str],
    label_set: LabelSet,
    close_up: CloseUp,
    intervals: Intervals | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> None:
    """Write the page, one file that needs nothing beside it.

    Args:
        path: An `.html` file; its folder is made.
        evaluation: What is shown.
        title: What was scored on what.
        about: What was evaluated and how, in words.
        label_set: Colours of the classes.
        close_up: Draws a picture that is shown.
        intervals: Of the scores.
        progress: Called with pictures drawn and pictures in all.
    """
    page = Page(title)
    _write_headline(page, evaluation, intervals)
    page.facts(about)
    _write_classes(page, evaluation, label_set, intervals)
    _write_confusions(page, evaluation)
    _write_boundaries(page, evaluation)
    _write_calibration(page, evaluation)
    _write_distribution(page, evaluation)
    write_worst(page, evaluation, close_up, progress)
    page.write(path)


def worst_first(pictures: Sequence[PictureScores]) -> list[PictureScores]:
    """Sort pictures by their mean IoU; those of void alone have none and are left out."""
    scored = [one for one in pictures if one.mean_iou is not None]
    return sorted(scored, key=lambda one: (one.mean_iou or 0.0, one.name))


def write_worst(
    page: Page,
    evaluation: Evaluation,
    close_up: CloseUp,
    progress: Callable[[int, int], None],
) -> None:
    """Show the pictures with the lowest mean IoU, each with what was taken for what.

    Args:
        page: Written onto.
        evaluation: With the scores of single pictures.
        close_up: Draws a picture.
        progress: Called with pictures drawn and pictures in all.
    """
    worst = worst_first(evaluation.pictures)[:NUM_WORST]
    page.heading(f"The {len(worst)} worst pictures")
    page.text(
        "The lowest mean IoU over the classes that a picture has or was given. Red is wrong, grey "
        "is void: not scored.",
        kind="quiet",
    )
    names = evaluation.scores.class_names
    for done, picture in enumerate(worst, start=1):
        page.subheading(picture.name)
        page.text(describe_picture(picture, names))
        page.pictures(close_up(picture), width=480, columns=4, of=picture.name)
        progress(done, len(worst))


def describe_picture(picture: PictureScores, class_names: Sequence[str]) -> str:
    """Say the scores of a picture, and what was mostly taken for what in it.

    Args:
        picture: Its counts.
        class_names: The K names.
    """
    scores = f"Mean IoU {percent(picture.mean_iou)}, {percent(picture.pixel_accuracy)} right."
    largest = most_frequent(picture.confusion(), class_names, count=3)
    wrong = [
        f"{one.true_name} called {one.given_name} ({percent(one.num_pixels / picture.num_pixels)})"
        for one in largest
    ]
    return f"{scores} Of all its pixels: {', '.join(wrong)}." if wrong else scores


def _write_headline(page: Page, evaluation: Evaluation, intervals: Intervals | None) -> None:
    scores, before = evaluation.scores, evaluation.without_crf
    remark = f"{len(scores.class_names)} classes"
    if intervals is not None:
        remark = f"{100 * intervals.level:g} %: {_span(intervals.mean_iou)}"
    tiles = [("mean IoU", percent(scores.mean_iou), remark)]
    if before is not None:
        gain = scores.mean_iou - before.scores.mean_iou
        tiles.append(
            (
                "without the CRF",
                percent(before.scores.mean_iou),
                f"the CRF gives {100 * gain:+.2f}",
            )
        )
    tiles += [
        ("pixel accuracy", percent(scores.pixel_accuracy), "of all pixels, right"),
        ("mean accuracy", percent(scores.mean_accuracy), "mean of the classes"),
    ]
    if evaluation.boundary is not None:
        tiles.append(("Boundary IoU", percent(evaluation.boundary.mean_iou), "along outlines"))
    if evaluation.calibration is not None:
        error = evaluation.calibration.expected_error
        tiles.append(("calibration error", percent(error), "ECE, less is better"))
    page.tiles(tiles)


def _write_classes(
    page: Page, evaluation: Evaluation, label_set: LabelSet, intervals: Intervals | None
) -> None:
    page.heading("Classes")
    page.text(
        "IoU: pixels that are the class and were called it, among those that either are it or were "
        "called it. Accuracy: of what is the class, how much was found. Precision: of what was "
        "called the class, how much is.",
        kind="quiet",
    )
    if intervals is not None:
        page.text(
            f"The thin line over a bar is the {100 * intervals.level:g} % interval: where the IoU "
            "lies for other draws of as many pictures of this kind. It tells nothing of other "
            "training runs.",
            kind="quiet",
        )
    columns = _class_columns(evaluation, label_set, intervals)
    rows = list(zip(*columns.values(), strict=True))
    page.table(list(columns), rows, caption="Scores of each class")
    absent = evaluation.scores.absent_classes
    if absent:
        how = "with IoU 0" if evaluation.scores.convention == "devkit" else "not at all"
        page.text(f"Neither there nor found, so they count {how}: {', '.join(absent)}.")


def _class_columns(
    evaluation: Evaluation, label_set: LabelSet, intervals: Intervals | None
) -> dict[str, list[Cell]]:
    scores = evaluation.scores
    spans = [None] * len(scores.class_names) if intervals is None else intervals.class_iou
    num_pixels = [sum(row) for row in scores.confusion]
    columns: dict[str, list[Cell]] = {
        "class": list(scores.class_names),
        "": [Swatch(colour) for colour in label_set.palette],
        "IoU": [Bar(iou, span) for iou, span in zip(scores.class_iou, spans, strict=True)],
    }
    if intervals is not None:
        columns[f"{100 * intervals.level:g} % interval"] = [
            None if span is None else _span(span) for span in spans
        ]
    if evaluation.without_crf is not None:
        columns["without CRF"] = [Percent(iou) for iou in evaluation.without_crf.scores.class_iou]
    columns["accuracy"] = [Percent(share) for share in scores.class_accuracy]
    columns["precision"] = [Percent(share) for share in scores.class_precision]
    if evaluation.boundary is not None:
        columns["Boundary IoU"] = [Percent(iou) for iou in evaluation.boundary.class_iou]
    columns["of pixels"] = [Percent(count / max(sum(num_pixels), 1)) for count in num_pixels]
    return columns


def _write_confusions(page: Page, evaluation: Evaluation) -> None:
    scores = evaluation.scores
    page.heading("Confusions")
    largest = most_frequent(scores.confusion, scores.class_names, count=_NUM_CONFUSIONS)
    page.text("What was most often taken for what, by pixels:", kind="quiet")
    page.items([one.describe() for one in largest] or ["nothing: all is right"])
    page.drawing(
        plots.inline_svg(score_plots.confusion_figure(scores.class_names, scores.confusion)),
        "Of the pixels of each class (a row), how many per cent were called what: blue is right, "
        "red is wrong.",
        alt="Confusion matrix; its largest entries beside the diagonal stand in the list above.",
    )


def _write_boundaries(page: Page, evaluation: Evaluation) -> None:
    if evaluation.trimap is None and evaluation.boundary is None:
        return
    page.heading("Boundaries")
    if evaluation.boundary is not None:
        page.text(_describe_boundary(evaluation))
    if evaluation.trimap is not None:
        curves = {"without CRF": evaluation.trimap}
        before = evaluation.without_crf
        if before is not None and before.trimap is not None:
            curves = {"without CRF": before.trimap, "with CRF": evaluation.trimap}
        ends = [100 * evaluation.trimap.mean_iou[place] for place in (0, -1)]
        page.drawing(
            plots.inline_svg(plots.trimap_figure(curves)),
            "Mean IoU of the pixels near the boundaries that the truth marks as void: the narrower "
            "the band, the harder.",
            alt=f"Trimap curve, from {ends[0]:.1f} % next to void to {ends[1]:.1f} % in the "
            "widest band.",
        )


def _describe_boundary(evaluation: Evaluation) -> str:
    assert evaluation.boundary is not None
    words = (
        f"Boundary IoU {percent(evaluation.boundary.mean_iou)}: the IoU of the bands inside the "
        "outlines, 2 % of the picture's diagonal wide; large objects do not hide coarse outlines."
    )
    before = evaluation.without_crf
    if before is not None and before.boundary is not None:
        words += f" Without the CRF it is {percent(before.boundary.mean_iou)}."
    return words


def _write_calibration(page: Page, evaluation: Evaluation) -> None:
    found = evaluation.calibration
    if found is None:
        return
    page.heading("Calibration")
    gap = found.mean_confidence - found.mean_accuracy
    page.text(
        f"Mean confidence {percent(found.mean_confidence)}, and {percent(found.mean_accuracy)} "
        f"are right: too {'sure' if gap > 0 else 'unsure'} by {100 * abs(gap):.2f} points on the "
        f"whole. Expected calibration error (ECE) {percent(found.expected_error)}: how far "
        f"confidence is from accuracy, bin by bin; in the worst bin {percent(found.largest_error)}"
        f" (MCE). Brier score {found.brier:.4f}."
    )
    curves = {"without CRF": found}
    before = evaluation.without_crf
    if before is not None and before.calibration is not None:
        curves = {"without CRF": before.calibration, "with CRF": found}
    page.drawing(
        plots.inline_svg(score_plots.reliability_figure(curves)),
        "Of the pixels of some confidence, how many are right: below the dashed line the network "
        "is too sure. Below: how many pixels have that confidence.",
        alt="Reliability diagram; its errors stand in the text above.",
    )


def _write_distribution(page: Page, evaluation: Evaluation) -> None:
    values = [one.mean_iou for one in evaluation.pictures if one.mean_iou is not None]
    if not values:
        return
    page.heading("Pictures")
    mean, median = statistics.fmean(values), statistics.median(values)
    page.text(
        f"Mean IoU of single pictures: median {percent(median)}, mean {percent(mean)}. It is not "
        "the mean IoU above, which comes from the pixels of all pictures together.",
        kind="quiet",
    )
    page.drawing(
        plots.inline_svg(score_plots.histogram_figure(values)),
        alt=f"Histogram of the mean IoU of {len(values)} pictures.",
    )


def percent(fraction: float | None) -> str:
    """Write a fraction in per cent, which no line break parts from its sign."""
    return "none" if fraction is None else f"{100 * fraction:.2f}\N{NO-BREAK SPACE}%"


def _span(interval: Interval) -> str:
    return f"{100 * interval.low:.1f} to {100 * interval.high:.1f}"
