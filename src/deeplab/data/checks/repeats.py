"""Pictures that are in two splits, or twice in one: as they are, or nearly."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import permutations

from deeplab.data.checks import kinds
from deeplab.data.checks.files import place_of
from deeplab.data.checks.survey import Survey
from deeplab.data.duplicates import find_leaks
from deeplab.data.findings import Finding, Place, found
from deeplab.data.pairing import Entry

_Member = tuple[str, Entry]


def is_for_learning(split: str) -> bool:
    """Say whether networks learn from a split, by its name."""
    return split.startswith("train")


def judge_repeats(survey: Survey) -> list[Finding]:
    """Judge which pictures occur again, by their files and, in a full survey, by their pixels."""
    judged = []
    for split, other in _opponents(survey):
        shared = list(_shared(survey, split, other))
        if shared:
            judged.append(found(kinds.SHARED, shared, {"split": split, "other": other}))
        known = {place.name for place in shared}
        near = [place for place in _near(survey, split, other) if place.name not in known]
        if near:
            judged.append(found(kinds.NEAR_SHARED, near, {"split": split, "other": other}))
    repeated = [place for split in survey.entries for place in _repeated(survey, split)]
    return judged + ([found(kinds.REPEATED, repeated)] if repeated else [])


def _opponents(survey: Survey) -> Iterator[tuple[str, str]]:
    """Pair splits that must not share pictures; what they share is taken out of the first.

    Splits of one rank may share pictures, as `train` and `trainaug` do; and `trainval` is `train`
    and `val` together.
    """
    for one, other in permutations(survey.entries, 2):
        if _rank(one) < _rank(other) and not (_is_union(one) and not other.startswith("test")):
            yield one, other


def _rank(split: str) -> int:
    if is_for_learning(split) or _is_union(split):
        return 0
    return 2 if split.startswith("test") else 1


def _is_union(split: str) -> bool:
    return split.startswith("trainval") or split in ("all", "full")


def _shared(survey: Survey, split: str, other: str) -> Iterator[Place]:
    """Find the pictures that are in another split too: the same file, or the same pixels."""
    owners: dict[object, str] = {}
    for entry in survey.entries[other]:
        for mark in _marks(survey, entry):
            owners.setdefault(mark, entry.name)
    for entry in _once(survey, split):
        owner = next((owners[mark] for mark in _marks(survey, entry) if mark in owners), None)
        if owner is not None:
            detail = "" if owner == entry.name else f"as {other}/{owner}"
            yield place_of(split, entry, detail)


def _marks(survey: Survey, entry: Entry) -> list[object]:
    marks: list[object] = [path.resolve() for path in entry.picture_paths]
    facts = [survey.pictures[path] for path in entry.picture_paths]
    return marks + [one.digest for one in facts if one.digest]


def _near(survey: Survey, split: str, other: str) -> Iterator[Place]:
    """Find the pictures that nearly are one of another split."""
    members = {
        f"{name}/{entry.name}": (name, entry)
        for name in (split, other)
        for entry in survey.entries[name]
    }
    prints = {
        key: value
        for key, (_, entry) in members.items()
        for value in (survey.pictures[path].fingerprint for path in entry.picture_paths[:1])
        if value is not None
    }
    for leak in find_leaks(prints, {key: members[key][0] for key in prints}):
        if members[leak.name][0] == split:
            other_path = members[leak.other][1].picture_paths[0]
            place = place_of(split, members[leak.name][1], f"as {leak.other}")
            yield replace(place, other_path=other_path)


def _repeated(survey: Survey, split: str) -> Iterator[Place]:
    """Find the pictures of a split that have the pixels of an earlier one of it."""
    first: dict[bytes, Entry] = {}
    for entry in _once(survey, split):
        digest = survey.pictures[entry.picture_paths[0]].digest if entry.picture_paths else b""
        if not digest:
            continue
        if digest not in first:
            first[digest] = entry
            continue
        same = _have_same_labels(survey, first[digest], entry)
        more = "" if same else ", with another label map"
        place = place_of(split, entry, f"as {first[digest].name}{more}")
        yield replace(place, other_path=first[digest].picture_paths[0])


def _have_same_labels(survey: Survey, one: Entry, other: Entry) -> bool:
    """Compare what the two label maps hold, not where."""
    held = [
        (facts.found, facts.found_counts)
        for entry in (one, other)
        for facts in (survey.labels[path] for path in entry.label_paths[:1])
    ]
    return not held or held[:1] == held[1:]


def _once(survey: Survey, split: str) -> Iterator[Entry]:
    yield from {entry.name: entry for entry in survey.entries[split]}.values()
