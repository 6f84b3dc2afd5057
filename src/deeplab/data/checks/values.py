"""Label maps that hold numbers: are they class ids, and if not, how are the classes numbered?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deeplab.data.checks import kinds
from deeplab.data.checks.raw_labels import NARROW_MODES, LabelFacts
from deeplab.data.checks.recoding import (
    UNKNOWN,
    Recoding,
    colours_recoding,
    packed,
    recoding,
    snapping,
    values_recoding,
)
from deeplab.data.checks.verdicts import MOSTLY, SURE, Verdict, Verdicts, percent
from deeplab.data.description import DataDescription
from deeplab.data.findings import Kind, some
from deeplab.labels import VOID, WIDE_VOID, voc_palette, void_of

_SHOWN = 8
_VOC_COLOURS = np.array([packed(colour) for colour in voc_palette()])


def judge_values(
    facts: dict[Path, LabelFacts], description: DataDescription, verdicts: Verdicts
) -> None:
    """Judge label maps that hold numbers.

    Args:
        facts: What is in each file.
        description: What the data set says about itself.
        verdicts: Where the verdicts go.
    """
    if len(description.label_set.class_names) <= VOID:
        _judge_alike(facts, description, verdicts, values_recoding(description))
        return
    for is_narrow, most in ((True, VOID), (False, WIDE_VOID)):  # 255 is void in 8 bits only
        alike = {
            path: one for path, one in facts.items() if (one.mode in NARROW_MODES) == is_narrow
        }
        _judge_alike(alike, description, verdicts, values_recoding(description, most=most))


def _judge_alike(
    facts: dict[Path, LabelFacts],
    description: DataDescription,
    verdicts: Verdicts,
    declared: Recoding,
) -> None:
    by_colour = colours_recoding(description, read_as="own colours")
    rest = {}
    for path, one in facts.items():
        verdict = _smooth(one, declared, description)
        verdict = verdict or _resorted(one, declared, by_colour, description)
        if verdict is None:
            rest[path] = one
        else:
            verdicts.of[path] = verdict
    numbering = _numbering(rest, declared, description)
    for path, one in rest.items():
        verdicts.of[path] = _judge_numbers(one, numbering, declared)
    if numbering.kind is not None:
        verdicts.words[numbering.kind.name] = numbering.words
    strange = _strange([facts[path] for path in rest], declared)
    if strange:
        words = _words_on_strange(strange, _seen(rest.values()), description)
        verdicts.words[kinds.OUT_OF_RANGE.name] = words


@dataclass(frozen=True)
class _Numbering:
    """How the label maps of a set number the classes, if not as they should."""

    kind: Kind | None = None
    recoding: Recoding | None = None
    words: Mapping[str, object] = field(default_factory=dict)
    are_ids_too: bool = False  # whether other label maps of the set hold ids as they should


def _judge_numbers(facts: LabelFacts, numbering: _Numbering, declared: Recoding) -> Verdict:
    if numbering.kind is not None and (not numbering.are_ids_too or _is_binary(facts)):
        return Verdict((numbering.kind,), numbering.recoding)
    strange = facts.codes[declared.labels_in(facts) == UNKNOWN].tolist()
    if not strange:
        return Verdict((), declared)
    share = declared.unknown_share(facts)
    detail = f"{some(strange, _SHOWN)}: {percent(share)} of its pixels"
    return Verdict((kinds.OUT_OF_RANGE,), declared if share <= MOSTLY else None, detail)


def _numbering(
    facts: Mapping[Path, LabelFacts], declared: Recoding, description: DataDescription
) -> _Numbering:
    """Guess the numbering from all values that occur."""
    if description.coding.values or not facts:
        return _Numbering()
    names = description.label_set.class_names
    void = void_of(len(names))
    seen = _seen(facts.values()) - set(description.coding.void)
    classes = sorted(seen - {void})
    strange = _strange(facts.values(), declared)
    if VOID in seen and len(names) <= VOID:
        found = _binary(facts, classes, names)
        if found.kind is not None:
            return found
    if not strange:
        return _Numbering()
    if min(classes) == 1 and max(classes) == len(names):
        label_of = {label + 1: label for label in range(len(names))}
        words = {"k": len(names), "last": len(names) - 1, "void": void}
        return _Numbering(kinds.OFF_BY_ONE, recoding("values", {**label_of, void: void}), words)
    return _spaced(sorted(seen), names) or _spaced(classes, names) or _Numbering()


def _binary(
    facts: Mapping[Path, LabelFacts], classes: list[int], names: Sequence[str]
) -> _Numbering:
    """Tell 0 and 255 that are two classes from a class and void."""
    first, second = names[0], names[1] if len(names) > 1 else "..."
    words: dict[str, object] = {"first": first, "second": second, "k": len(names)}
    if len(names) == 1:
        words |= {"first": "background", "second": first}
    as_ids = recoding("values", {0: 0, VOID: 1})
    if classes == [0]:
        if len(names) > 2:
            return _Numbering(kinds.BINARY_OF_MANY, None, words)
        return _Numbering(kinds.BINARY, as_ids, words)
    if len(names) == 2 and classes == [0, 1]:
        binary = [path for path, one in facts.items() if _is_binary(one)]
        has_both = any({1, VOID} <= set(one.found) for one in facts.values())
        if not has_both and len(binary) >= 0.1 * len(facts):
            return _Numbering(kinds.BINARY, as_ids, words, are_ids_too=True)
    return _Numbering()


def _is_binary(facts: LabelFacts) -> bool:
    return bool(np.array_equal(facts.codes, [0, VOID]))


def _spaced(seen: list[int], names: Sequence[str]) -> _Numbering | None:
    """Recognise ids that were multiplied: 0, 85, 170, 255 in the place of 0, 1, 2, 3."""
    if len(seen) != len(names) or len(names) < 2 or seen[0] != 0:
        return None
    step = int(np.gcd.reduce(seen))
    if step == 1:
        return None
    label_of = {code: label for label, code in enumerate(seen)}
    void = void_of(len(names))
    values = ", ".join(map(str, seen))
    words = {"values": values, "last": len(names) - 1, "step": step}
    return _Numbering(kinds.SPACED, recoding("values", {void: void, **label_of}), words)


def _smooth(facts: LabelFacts, declared: Recoding, description: DataDescription) -> Verdict | None:
    """Recognise values that were blurred, by JPEG or by smooth edges."""
    if not facts.is_lossy and not (declared.labels_in(facts) == UNKNOWN).any():
        return None
    is_binary = len(description.label_set.class_names) == 2 and not description.coding.values
    exact = recoding("values", {0: 0, VOID: 1}) if is_binary else declared
    snapped = snapping(exact)
    is_snapped = snapped is not None and snapped.unknown_share(facts) <= 1 - SURE
    if facts.is_lossy:
        return Verdict((kinds.JPEG,), snapped if is_snapped else None)
    if is_snapped and len(facts.codes) > 2 * len(exact.codes):
        return Verdict((kinds.BLURRED,), snapped, f"{len(facts.codes)} different values")
    return None


def _resorted(
    facts: LabelFacts, declared: Recoding, by_colour: Recoding, description: DataDescription
) -> Verdict | None:
    """Recognise indices that an image tool renumbered: all colours are classes', but others'."""
    if facts.own_colours is None or (facts.own_colours == facts.codes * 0x010101).all():
        return None
    label_of = declared.labels_in(facts)
    counts = label_of != void_of(len(description.label_set.class_names))
    labels = by_colour.labels_in(facts)
    if (labels[counts] == UNKNOWN).any() or (labels == label_of)[counts].all():
        return None
    codes, own_colours = facts.codes[counts], facts.own_colours[counts]
    is_clear = np.unique(own_colours).size == len(codes) >= 2  # no colour stands at two indices
    if not is_clear or codes.max() > len(description.label_set.class_names):
        return None  # tools that sort a palette count from 0 without gaps
    if np.array_equal(own_colours, _VOC_COLOURS[codes]):
        return None  # in VOC's order: tools write its palette whatever the classes are
    if description.coding.colours:  # read by its colours anyway
        return Verdict((), by_colour)
    return Verdict((kinds.RESORTED,), by_colour)


def _words_on_strange(
    strange: set[int], seen: set[int], description: DataDescription
) -> dict[str, object]:
    num_classes = len(description.label_set.class_names)
    values = description.coding.values
    return {
        "values": some(sorted(strange), _SHOWN),
        "k": num_classes,
        "allowed": some(values, _SHOWN) if values else f"0..{num_classes - 1}",
        "void": ", ".join(map(str, (*description.coding.void, void_of(num_classes)))),
        "advice": _advice_on_strange(sorted(strange), seen, num_classes),
    }


def _advice_on_strange(strange: list[int], seen: set[int], num_classes: int) -> str:
    shown = some(strange, _SHOWN)
    if strange == [num_classes]:
        return (
            f"If {num_classes} is void, write `void: [{num_classes}]` into data.yaml; if a class "
            "is missing in `classes` (background?), add it; if 0 means unlabelled and the classes "
            f"count from 1, write `void: [0]` and `values: [1, ..., {num_classes}]`"
        )
    if min(strange) >= 1000:
        return (
            "These look like instance ids (class times 1000 and a number): take the files with the "
            "label ids, or divide by 1000"
        )
    if num_classes == 19 and max(strange) <= 33:
        return (
            "These look like Cityscapes' labelIds, of which 19 are classes: give the folder as it "
            "was unpacked (leftImg8bit, gtFine), or prepare it with `deeplab data prepare`"
        )
    if len(strange) > 20:
        return (
            "So many values come from smooth resizing, from grey pictures or depth in the place of "
            "label maps, or from JPEG: export the label maps anew, resize with nearest neighbour"
        )
    numbers = sorted(seen - {VOID})
    if len(numbers) == num_classes:
        return (
            f"There are as many values as classes: if they are in the order of `classes`, write "
            f"`values: {numbers}` into data.yaml"
        )
    return (
        f"If they are void, write `void: [{shown}]` into data.yaml; if they are classes, name them "
        "in `classes`; else renumber the label maps"
    )


def _seen(facts: Iterable[LabelFacts]) -> set[int]:
    return {code for one in facts for code in one.found}


def _strange(facts: Iterable[LabelFacts], declared: Recoding) -> set[int]:
    return _seen(facts) - set(declared.codes.tolist())
