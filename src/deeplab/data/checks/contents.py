"""What label maps show: the share of each class, classes that (nearly) never occur, empty maps."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from deeplab.data.checks import kinds
from deeplab.data.checks.files import place_of
from deeplab.data.checks.raw_labels import LabelFacts
from deeplab.data.checks.repeats import is_for_learning
from deeplab.data.checks.survey import Survey
from deeplab.data.checks.verdicts import Verdict, Verdicts
from deeplab.data.findings import Finding, Place, found, some

_UNCLEAR = 0.1
_FEW_PICTURES = 5
_FEW_SHARE = 0.05  # of the pictures of a small split
_FEW_PIXELS = 1e-5  # of the labelled pixels of a split


@dataclass(frozen=True)
class Tally:
    """What the label maps of one split show.

    Attributes:
        num_pictures: Label maps counted.
        pixels: Pixels of each class, (K,).
        pictures: Pictures that show each class, (K,).
        void_pixels: Pixels that are void, or have no meaning.
    """

    num_pictures: int
    pixels: NDArray[np.int64]
    pictures: NDArray[np.int64]
    void_pixels: int


def class_pixels(facts: LabelFacts, verdict: Verdict, num_classes: int) -> NDArray[np.int64]:
    """Count the pixels of each class in a label map, however it is coded: (K + 1,), void last."""
    counts = np.zeros(num_classes + 1, np.int64)
    if verdict.recoding is None:
        counts[-1] = facts.counts.sum()
        return counts
    labels = verdict.recoding.labels_in(facts)
    labels = np.where((labels < 0) | (labels >= num_classes), num_classes, labels)
    np.add.at(counts, labels, facts.counts)
    return counts


def tally(survey: Survey, verdicts: Verdicts) -> dict[str, Tally]:
    """Count classes in all splits that have label maps."""
    counted: dict[str, list[NDArray[np.int64]]] = {}
    for split, _, path in survey.labelled():
        if path in verdicts.of:
            pixels = class_pixels(survey.labels[path], verdicts.of[path], survey.num_classes)
            counted.setdefault(split, []).append(pixels)
    return {
        split: Tally(
            len(rows),
            np.sum(rows, axis=0)[:-1],
            np.sum([row[:-1] > 0 for row in rows], axis=0),
            int(np.sum(rows, axis=0)[-1]),
        )
        for split, rows in counted.items()
    }


def judge_contents(survey: Survey, verdicts: Verdicts, tallies: dict[str, Tally]) -> list[Finding]:
    """Judge which classes occur and which label maps are empty."""
    judged = [*_empty_maps(survey, verdicts)]
    unclear = sum(
        one.recoding is None or one.recoding.unknown_share(survey.labels[path]) > 0
        for path, one in verdicts.of.items()
    )
    if unclear > _UNCLEAR * len(verdicts.of):
        return judged  # which classes occur is not known before that is mended
    for split, counts in tallies.items():
        judged += _missing_classes(split, counts, tallies, survey.description.label_set.class_names)
    return judged


def _empty_maps(survey: Survey, verdicts: Verdicts) -> list[Finding]:
    void: list[Place] = []
    background: list[Place] = []
    total = 0
    for split, entry, path in survey.labelled():
        verdict = verdicts.of.get(path)
        if verdict is None or verdict.recoding is None:
            continue
        total += 1
        counts = class_pixels(survey.labels[path], verdict, survey.num_classes)
        if not counts[:-1].any():
            void.append(place_of(split, entry))
        elif survey.num_classes > 1 and not counts[1:-1].any():
            background.append(place_of(split, entry))
    first = survey.description.label_set.class_names[0]
    judged = [found(kinds.ALL_VOID, void)] if void else []
    if background:
        words = {"first": first, "total": total}
        judged.append(found(kinds.ALL_BACKGROUND, background, words))
    return judged


def _missing_classes(
    split: str, counts: Tally, tallies: dict[str, Tally], names: tuple[str, ...]
) -> list[Finding]:
    learns = is_for_learning(split)
    never = [name for name, number in zip(names, counts.pictures, strict=True) if not number]
    few = min(_FEW_PICTURES, _FEW_SHARE * counts.num_pictures)
    least = _FEW_PIXELS * counts.pixels.sum()
    rare = [
        f"{name} ({number} of {counts.num_pictures} pictures)"
        for name, number, pixels in zip(names, counts.pictures, counts.pixels, strict=True)
        if number and (number < few or pixels < least)
    ]
    judged = []
    if never:
        meaning = _meaning_of_never(never, split, tallies, names, learns=learns)
        words = {"classes": some(never, 10), "split": split, "meaning": meaning}
        judged.append(found(kinds.NEVER, (), words))
    if rare and learns:
        judged.append(found(kinds.RARE, (), {"classes": some(rare, 10), "split": split}))
    return judged


def _meaning_of_never(
    never: list[str], split: str, tallies: dict[str, Tally], names: tuple[str, ...], *, learns: bool
) -> str:
    if not learns:
        return "Nothing can be said there about how well they are found"
    labels = [names.index(name) for name in never]
    scored = {
        names[label]
        for other, counts in tallies.items()
        if other != split
        for label in labels
        if counts.pictures[label]
    }
    beside = f"; they do occur where scores are taken ({some(sorted(scored))})" if scored else ""
    return f"What is never shown is never learnt{beside}"
