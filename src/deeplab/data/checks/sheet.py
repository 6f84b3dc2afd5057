"""Which pictures to look at, and how label maps of any kind are laid over them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import drawing, imaging
from deeplab.data.check import Checked
from deeplab.data.checks.contents import class_pixels
from deeplab.data.checks.remake import resize_nearest
from deeplab.data.checks.verdicts import Verdict
from deeplab.labels import LabelSet

_SHOWN_WELL = 0.005  # of a picture, to be seen in an overlay
_LONGEST_SIDE = 480
"""Pixels of the longest side that overlays are drawn at."""


def choose(checked: Checked, num_pictures: int) -> list[tuple[str, Path, Path]]:
    """Choose pictures so that every class is shown, rare ones first, then from all over the set.

    Args:
        checked: What is known of the data set.
        num_pictures: How many to choose; more only where there are so many classes.

    Returns:
        Of each a caption, the picture and its label map.
    """
    survey, verdicts = checked.survey, checked.verdicts
    if survey is None or verdicts is None:
        return []
    shown = [
        (f"{split}/{entry.name}", entry.picture_paths[0], path)
        for split, entry, path in survey.labelled()
        if entry.picture_paths
        and not survey.pictures[entry.picture_paths[0]].problem
        and path in verdicts.of
        and verdicts.of[path].recoding is not None
    ]
    if not shown:
        return []
    pixels = np.stack(
        [
            class_pixels(survey.labels[path], verdicts.of[path], survey.num_classes)
            for _, _, path in shown
        ]
    )
    return [
        shown[index] for index in _choose_rows(pixels[:, :-1], pixels.sum(axis=1), num_pictures)
    ]


def _choose_rows(pixels: NDArray[np.int64], totals: NDArray[np.int64], num_rows: int) -> list[int]:
    """Choose rows of (pictures, classes) that show every class, then evenly spaced ones."""
    shares = pixels / totals[:, np.newaxis]
    chosen: list[int] = []
    for label in np.argsort((pixels > 0).sum(axis=0), kind="stable"):
        is_shown = bool((shares[chosen, label] > _SHOWN_WELL).any())
        best = int(shares[:, label].argmax())
        if pixels[best, label] and not is_shown and best not in chosen:
            chosen.append(best)
    step = max(1, len(pixels) // num_rows)
    for row in range(0, len(pixels), step):
        if len(chosen) < num_rows and row not in chosen:
            chosen.append(row)
    return chosen


def draw(
    picture_path: Path, label_path: Path | None, verdict: Verdict | None, label_set: LabelSet
) -> imaging.Picture:
    """Draw the overlay of a picture, or the picture alone if its label map cannot be read.

    Args:
        picture_path: The picture.
        label_path: Its label map, if it has one; of another size it is stretched.
        verdict: How it is to be read.
        label_set: Its classes.

    Raises:
        ValueError: The picture cannot be read.
    """
    picture = imaging.shrink_picture(imaging.read_picture(picture_path), _LONGEST_SIDE)
    if label_path is None or verdict is None or verdict.recoding is None:
        return picture
    labels, _ = verdict.recoding.read(label_path, len(label_set.class_names))
    fitting = resize_nearest(labels, (picture.shape[0], picture.shape[1]))
    return drawing.overlay(picture, fitting, label_set.palette)


def present(checked: Checked, label_path: Path, most: int = 6) -> str:
    """Name the classes in a label map, the largest first."""
    survey, verdicts = checked.survey, checked.verdicts
    if survey is None or verdicts is None:
        return ""
    pixels = class_pixels(survey.labels[label_path], verdicts.of[label_path], survey.num_classes)
    names: Sequence[str] = survey.description.label_set.class_names
    ordered = [label for label in np.argsort(-pixels[:-1], kind="stable") if pixels[label]]
    more = ", ..." if len(ordered) > most else ""
    return ", ".join(names[label] for label in ordered[:most]) + more
