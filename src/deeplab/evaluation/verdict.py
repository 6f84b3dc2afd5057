"""What a comparison of two evaluations says, in words and as files.

Values in files are fractions, -1..1; words speak of points, that is per cent of IoU.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from deeplab.evaluation.bootstrap import Interval
from deeplab.evaluation.compare import ClassDifference, Comparison, PictureDifference
from deeplab.evaluation.files import evaluation_to_dict
from deeplab.evaluation.record import Evaluation


def describe_verdict(comparison: Comparison, first: str, second: str) -> str:
    """Say which of the two is better, and whether that is more than noise.

    Args:
        comparison: Of the two.
        first: What the first is called.
        second: What the second is called.
    """
    gain = comparison.difference
    evidence = (
        f"{100 * comparison.level:g} % interval {span_in_points(comparison.interval)}, "
        f"p = {comparison.p_value:.2g}"
    )
    if comparison.is_more_than_noise:
        better, worse = (second, first) if gain > 0 else (first, second)
        return (
            f"{better} is better than {worse} by {100 * abs(gain):.2f} points of mean IoU: more "
            f"than noise ({second} less {first}: {evidence})."
        )
    if not gain:
        return f"{first} and {second} have the same mean IoU ({evidence})."
    return (
        f"{second} less {first} is {100 * gain:+.2f} points of mean IoU: no more than noise may be "
        f"({evidence}). These pictures do not tell which is better."
    )


def span_in_points(interval: Interval) -> str:
    """Write an interval of a difference: "-0.31 to +1.20"."""
    return f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f}"


def largest_changes(
    changes: Sequence[ClassDifference], *, count: int
) -> tuple[tuple[ClassDifference, ...], tuple[ClassDifference, ...]]:
    """Give the classes that gained most and those that lost most, the largest change first."""
    ordered = sorted(changes, key=lambda one: -one.difference)
    gained = [one for one in ordered if one.difference > 0]
    lost = [one for one in reversed(ordered) if one.difference < 0]
    return tuple(gained[:count]), tuple(lost[:count])


def comparison_to_json(
    comparison: Comparison, evaluations: Mapping[str, Evaluation], about: Mapping[str, Any]
) -> str:
    """Write both evaluations, and how they differ: differences are the second less the first.

    Args:
        comparison: Of the two.
        evaluations: Both, by what they are called, the first first.
        about: What was evaluated and how, stored under "about".
    """
    first, second = (evaluation_to_dict(one, {}) for one in evaluations.values())
    for document in (first, second):
        del document["about"]
    spans = {one.name: one.interval for one in comparison.classes}
    document = {
        "about": dict(about),
        "first": first,
        "second": second,
        "comparison": {
            "difference": comparison.difference,
            "interval": comparison.interval,
            "level": comparison.level,
            "draws": comparison.num_draws,
            "p_value": comparison.p_value,
            "is_more_than_noise": comparison.is_more_than_noise,
            "verdict": describe_verdict(comparison, *evaluations),
            "class_difference": {one.name: one.difference for one in comparison.classes},
            "class_interval": spans,
            "pictures_better": len(comparison.better),
            "pictures_worse": len(comparison.worse),
        },
    }
    return json.dumps(document, indent=2) + "\n"


def comparison_to_csv(comparison: Comparison) -> str:
    """Write `metric,class,first,second,difference,low,high` rows: the mean, then each class.

    Args:
        comparison: Of two evaluations; `low` and `high` are the ends of the difference's interval.
    """

    def write(rows: Any) -> None:
        rows.writerow(("metric", "class", "first", "second", "difference", "low", "high"))
        means = (comparison.first, comparison.second, comparison.difference)
        rows.writerow(("mean_iou", "", *means, *comparison.interval))
        for one in comparison.classes:
            ends = one.interval or ("", "")
            rows.writerow(("iou", one.name, one.first, one.second, one.difference, *ends))

    return _written(write)


def differences_to_csv(pictures: Sequence[PictureDifference]) -> str:
    """Write `picture,first,second,difference` rows of mean IoU, in the order given."""

    def write(rows: Any) -> None:
        rows.writerow(("picture", "first", "second", "difference"))
        rows.writerows((one.name, one.first, one.second, one.difference) for one in pictures)

    return _written(write)


def _written(write: Callable[[Any], None]) -> str:
    text = io.StringIO()
    write(csv.writer(text, lineterminator="\n"))
    return text.getvalue()
