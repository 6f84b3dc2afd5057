"""Files that are missing, cannot be read, are turned, or do not fit together."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from deeplab.data.checks import kinds
from deeplab.data.checks.survey import PictureFacts, Survey
from deeplab.data.findings import Finding, Kind, Place, found
from deeplab.data.pairing import Entry

_ODD_FACTOR = 4  # so much longer or shorter than the median is odd
_LEAST_SIDE = 32  # pixels; smaller pictures are hardly ever meant


def judge_files(survey: Survey) -> list[Finding]:
    """Judge lists and files, each for itself and picture against label map."""
    places: dict[str, list[Place]] = {}
    by_name: dict[str, Kind] = {}
    for kind, place in (*_judge_splits(survey), *_judge_entries(survey)):
        by_name[kind.name] = kind
        places.setdefault(kind.name, []).append(place)
    return [found(kind, places[name]) for name, kind in by_name.items()] + _odd_sizes(survey)


def place_of(split: str, entry: Entry, detail: str = "") -> Place:
    """Say where an entry is."""
    picture = entry.picture_paths[0] if entry.picture_paths else None
    label_map = entry.label_paths[0] if entry.label_paths else None
    return Place(split, entry.name, picture, label_map, detail)


def _judge_splits(survey: Survey) -> Iterator[tuple[Kind, Place]]:
    for split, entries in survey.entries.items():
        files = survey.description.split(split)
        if not entries:
            problem = survey.problems.get(split) or str(files.list_path or files.images)
            yield kinds.EMPTY_SPLIT, Place(split, "", detail=problem)
        times = Counter(entry.name for entry in entries)
        for entry in {entry.name: entry for entry in entries if times[entry.name] > 1}.values():
            yield kinds.LISTED_TWICE, place_of(split, entry, f"{times[entry.name]} times")
        if files.list_path is None and files.masks is not None:
            yield from _lone_labels(split, files.masks, files.mask_suffix, entries)


def _lone_labels(
    split: str, folder: Path, suffix: str, entries: Sequence[Entry]
) -> Iterator[tuple[Kind, Place]]:
    """Find the label maps of a folder that no picture has."""
    used = {path for entry in entries for path in entry.label_paths}
    suffixes = {path.suffix for path in used} or {".png"}
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if (
            path.suffix in suffixes
            and path.name.endswith(suffix)
            and path not in used
            and not is_hidden
            and path.is_file()
        ):
            yield kinds.LONE_LABELS, Place(split, path.stem, label_path=path)


def _judge_entries(survey: Survey) -> Iterator[tuple[Kind, Place]]:
    for split, entries in survey.entries.items():
        files = survey.description.split(split)
        has_labels = files.masks is not None or any(entry.label_paths for entry in entries)
        for entry in {entry.name: entry for entry in entries}.values():
            yield from _judge_presence(split, entry, has_labels=has_labels)
            if len(entry.picture_paths) == 1:
                yield from _judge_pair(split, entry, survey)


def _judge_presence(split: str, entry: Entry, *, has_labels: bool) -> Iterator[tuple[Kind, Place]]:
    if not entry.picture_paths:
        yield kinds.MISSING_PICTURE, place_of(split, entry)
    if has_labels and not entry.label_paths:
        yield kinds.MISSING_LABELS, place_of(split, entry)
    for paths in (entry.picture_paths, entry.label_paths):
        if len(paths) > 1:
            names = ", ".join(path.name for path in paths)
            yield kinds.SEVERAL_FILES, place_of(split, entry, names)


def _judge_pair(split: str, entry: Entry, survey: Survey) -> Iterator[tuple[Kind, Place]]:
    picture = survey.pictures[entry.picture_paths[0]]
    if picture.problem:
        yield kinds.UNREADABLE_PICTURE, place_of(split, entry, picture.problem)
    if len(entry.label_paths) != 1:
        if picture.orientation != 1 and not entry.label_paths:
            yield kinds.TURNED_PHOTO, place_of(split, entry)
        return
    labels = survey.labels[entry.label_paths[0]]
    if labels.problem:
        yield kinds.UNREADABLE_LABELS, place_of(split, entry, labels.problem)
    elif not picture.problem:
        kind = _fit(picture, labels.size)
        if kind is not None:
            detail = f"picture {_say(picture.size)}, label map {_say(labels.size)}"
            yield kind, place_of(split, entry, detail)


def _fit(picture: PictureFacts, size: tuple[int, int]) -> Kind | None:
    """Say how picture and label map do not fit; a square tells nothing about turning."""
    is_turned = picture.orientation != 1
    if size == picture.size:
        if not is_turned:
            return None
        tells = picture.orientation >= 5 and size != picture.stored_size
        return kinds.TURNED_PHOTO if tells else kinds.UNCLEAR_TURN
    if is_turned and size == picture.stored_size:
        return kinds.TURNED_LABELS
    return kinds.SIZES_DIFFER


def _odd_sizes(survey: Survey) -> list[Finding]:
    sides = [max(facts.size) for facts in survey.pictures.values() if not facts.problem]
    if not sides:
        return []
    middle = median(sides)
    places = [
        place_of(split, entry, _say(facts.size))
        for split, entries in survey.entries.items()
        for entry in entries
        for facts in (survey.pictures[path] for path in entry.picture_paths[:1])
        if not facts.problem and _is_odd(facts, middle)
    ]
    return [found(kinds.ODD_SIZE, places, {"median": f"{middle:g}"})] if places else []


def _is_odd(facts: PictureFacts, middle: float) -> bool:
    longest = max(facts.size)
    is_tiny = min(facts.size) < _LEAST_SIDE and middle >= 2 * _LEAST_SIDE
    return is_tiny or longest > _ODD_FACTOR * middle or longest < middle / _ODD_FACTOR


def _say(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
