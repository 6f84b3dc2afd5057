"""The page of a check: findings with their pictures, class shares, overlays to look through."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.data.check import SEVERITIES, Checked
from deeplab.data.checks.sheet import choose, draw, present
from deeplab.data.findings import Finding, Place
from deeplab.page import Bar, Cell, Page, Swatch

_MOST_PLACES = 12  # of a finding in the table
_MOST_PICTURES = 4  # of a finding
_OVERLAYS = 24
_IN_A_ROW = 4


def make_page(checked: Checked) -> Page:
    """Make the page.

    Args:
        checked: What was found.
    """
    survey = checked.survey
    name = survey.description.label_set.name if survey else "a data set"
    page = Page(f"Check of {name}")
    page.text(say_counts(checked), kind=checked.findings[0].severity if checked.findings else "")
    if survey is not None:
        _write_splits(page, checked)
    page.heading("Findings")
    if not checked.findings:
        page.text("None.")
    for finding in checked.findings:
        _write_finding(page, finding, checked)
    if checked.tallies:
        _write_shares(page, checked)
        _write_overlays(page, checked)
    return page


def say_counts(checked: Checked) -> str:
    """Say in a line how many pictures were looked at and how much was found."""
    counts = [(checked.count(severity), severity) for severity in SEVERITIES]
    told = ", ".join(
        f"{count} {severity}{'' if count == 1 else 's'}" for count, severity in counts if count
    )
    seen = f"{len(checked.survey.pictures)} pictures: " if checked.survey else ""
    return seen + (told or "nothing wrong was found")


def _write_splits(page: Page, checked: Checked) -> None:
    assert checked.survey is not None
    rows: list[list[Cell]] = []
    for split, entries in checked.survey.entries.items():
        counts = (checked.tallies or {}).get(split)
        facts = [checked.survey.pictures[path] for one in entries for path in one.picture_paths]
        areas = sorted((one.size[0] * one.size[1], one.size) for one in facts if not one.problem)
        sizes = " to ".join(
            dict.fromkeys(f"{width}x{height}" for _, (height, width) in (areas[:1] + areas[-1:]))
        )
        void = (
            Bar(counts.void_pixels / max(1, counts.void_pixels + counts.pixels.sum()))
            if counts
            else ""
        )
        rows.append([split, len(entries), counts.num_pictures if counts else 0, sizes, void])
    page.table(("split", "pictures", "label maps", "sizes", "void"), rows)


def _write_finding(page: Page, finding: Finding, checked: Checked) -> None:
    page.subheading(f"{finding.kind.name} ({finding.severity})")
    page.text(_upper(finding.headline) + ".", kind=finding.severity)
    page.text(f"{finding.meaning}.")
    page.text(f"What to do: {finding.advice}.")
    if finding.is_mendable:
        page.text(f"With --fix: {finding.remedy}.", kind="quiet")
    if finding.places:
        listed = [str(place) for place in finding.places[:_MOST_PLACES]]
        more = len(finding.places) - _MOST_PLACES
        page.items([*listed, f"... and {more} more"] if more > 0 else listed)
    pictures = _pictures(finding.places, checked)
    if pictures:
        page.pictures(pictures, columns=_IN_A_ROW)


def _pictures(places: Sequence[Place], checked: Checked) -> list[tuple[NDArray[np.uint8], str]]:
    """Draw the first pictures at fault that can be drawn, from all over the list."""
    if checked.survey is None:
        return []
    label_set = checked.survey.description.label_set
    drawn: list[tuple[NDArray[np.uint8], str]] = []
    for place in places[:: max(1, len(places) // _MOST_PICTURES)][:_MOST_PICTURES]:
        verdict = (
            checked.verdicts.of.get(place.label_path)
            if checked.verdicts and place.label_path
            else None
        )
        if place.picture_path is None or checked.survey.pictures[place.picture_path].problem:
            continue
        drawn.append((draw(place.picture_path, place.label_path, verdict, label_set), str(place)))
        if place.label_path is not None and verdict is not None and verdict.recoding is None:
            drawn.append((imaging.read_picture(place.label_path), "... and its label map as it is"))
        if place.other_path is not None:
            drawn.append((draw(place.other_path, None, None, label_set), "... and the other one"))
    return drawn


def _write_shares(page: Page, checked: Checked) -> None:
    """Write the share of each class as bars, in pixels and in pictures, split by split."""
    assert checked.survey is not None
    page.heading("Class shares")
    page.text(
        "Of the labelled pixels (void left out), and of the pictures that show the class at all."
    )
    label_set, tallies = checked.survey.description.label_set, checked.tallies or {}
    rows: list[list[Cell]] = []
    for label, name in enumerate(label_set.class_names):
        row: list[Cell] = [Swatch(label_set.palette[label]), label, name]
        for counts in tallies.values():
            row.append(Bar(counts.pixels[label] / max(1, counts.pixels.sum())))
            row.append(Bar(counts.pictures[label] / max(1, counts.num_pictures)))
        rows.append(row)
    of_splits = [f"{split}, {what}" for split in tallies for what in ("pixels", "pictures")]
    page.table(("", "id", "class", *of_splits), rows)


def _write_overlays(page: Page, checked: Checked) -> None:
    assert checked.survey is not None
    assert checked.verdicts is not None
    page.heading("Label maps laid over their pictures")
    page.text(
        "Rare classes first, then pictures from all over the data set. Do the colours fit what is "
        "there, everywhere?"
    )
    label_set = checked.survey.description.label_set
    overlays = [
        (
            draw(picture_path, label_path, checked.verdicts.of[label_path], label_set),
            f"{caption}: {present(checked, label_path)}",
        )
        for caption, picture_path, label_path in choose(checked, _OVERLAYS)
    ]
    page.pictures(overlays, columns=_IN_A_ROW)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]
