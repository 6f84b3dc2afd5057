"""Mend what a check found, on a copy: `deeplab data check DATA --fix --to DIR`.

The original is never touched. Files that are as they should be are hard links to it where the disk
allows that. All label maps of the copy hold label ids.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from deeplab.data.check import Checked
from deeplab.data.checks import kinds
from deeplab.data.checks.remake import Job, Mended, write_file
from deeplab.data.checks.survey import PictureFacts, Survey, Tell
from deeplab.data.checks.verdicts import Verdict
from deeplab.data.coding import PLAIN
from deeplab.data.description import FILE_NAME, DataDescription, SplitFiles, to_yaml
from deeplab.data.pairing import Entry
from deeplab.labels import LabelSet, named
from deeplab.processor import in_order, num_cores

LOG_NAME = "mended.csv"


def mend(
    checked: Checked, target_dir: Path, *, tell: Tell = lambda done, total: None
) -> list[Mended]:
    """Write a copy of a data set in which the faults that were found are mended.

    Args:
        checked: What the check of every file found.
        target_dir: A folder that is not there yet, or is empty.
        tell: Told how many pictures of how many are done.

    Returns:
        All that was done, picture by picture; it stands in `mended.csv` of the copy too.

    Raises:
        ValueError: The folder is not empty, the data set cannot be opened, or nothing of it would
            be left.
    """
    survey = checked.survey
    if survey is None or checked.verdicts is None or not survey.is_full:
        raise ValueError(f"nothing can be mended: {checked.findings[0].title}")
    if target_dir.exists() and (not target_dir.is_dir() or any(target_dir.iterdir())):
        raise ValueError(f"--to {target_dir}: is there already; give a new or empty folder")
    left_out = _left_out(checked, survey)
    kept = {
        split: [entry for entry in _once(entries) if (split, entry.name) not in left_out]
        for split, entries in survey.entries.items()
    }
    if not any(kept.values()):
        raise ValueError(
            "nothing would be left: no picture can be mended without knowing more. "
            + " ".join(f"{one.title}. {one.advice}." for one in checked.findings[:2])
        )
    label_set = _label_set(checked, survey.description.label_set)
    jobs = list(_jobs(kept, survey, checked.verdicts.of, target_dir, label_set))
    log = [Mended(split, name, fault, done) for (split, name), (fault, done) in left_out.items()]
    log += _beside(checked)
    for done, mended in enumerate(in_order(Job.write, jobs, workers=num_cores()), start=1):
        log += mended
        tell(done, len(jobs))
    _write_lists(jobs, target_dir, label_set)
    _write_log(log, target_dir / LOG_NAME)
    return log


def _left_out(checked: Checked, survey: Survey) -> dict[tuple[str, str], tuple[str, str]]:
    """Say which pictures are left out, for which fault, and in which words."""
    left_out = {
        (place.split, place.name): (finding.kind.name, _why(place.detail))
        for finding in reversed(checked.findings)
        if finding.kind.leaves_out
        for place in finding.places
    }
    for split, entry, path in survey.labelled():
        key = (split, entry.name)
        verdict = checked.verdicts.of.get(path) if checked.verdicts else None
        picture = survey.pictures.get(entry.picture_paths[0]) if entry.picture_paths else None
        if key in left_out or verdict is None or picture is None:
            continue
        if verdict.recoding is None:
            left_out[key] = (verdict.kinds[0].name, _why(verdict.detail))
        elif not _can_be_laid(picture, survey.labels[path].size):
            left_out[key] = (kinds.SIZES_DIFFER.name, _why("not only the scale differs"))
    return {key: value for key, value in left_out.items() if key[1]}


def _why(detail: str) -> str:
    return f"left out of its list ({detail})" if detail else "left out of its list"


def _can_be_laid(picture: PictureFacts, size: tuple[int, int]) -> bool:
    """Say whether a label map can be brought to the size of its picture without guessing."""
    if size in (picture.size, picture.stored_size):
        return True
    (height, width), (labels_height, labels_width) = picture.size, size
    return (
        min(
            abs(labels_width - width * labels_height / height),
            abs(width - labels_width * height / labels_height),
        )
        <= 1  # a rounded pixel
    )


def _label_set(checked: Checked, label_set: LabelSet) -> LabelSet:
    """Add the background to a set of one class whose masks are 0 and 255."""
    is_binary = any(finding.kind is kinds.BINARY for finding in checked.findings)
    if is_binary and len(label_set.class_names) == 1:
        return named(("background", *label_set.class_names), name=label_set.name)
    return label_set


def _jobs(
    kept: Mapping[str, list[Entry]],
    survey: Survey,
    verdicts: Mapping[Path, Verdict],
    target_dir: Path,
    label_set: LabelSet,
) -> Iterator[Job]:
    for split, entries in kept.items():
        taken: Counter[str] = Counter()
        for entry in entries:
            label_path = entry.label_paths[0] if entry.label_paths else None
            yield Job(
                split,
                _safe_name(entry.name, taken),
                entry.picture_paths[0],
                survey.pictures[entry.picture_paths[0]],
                label_path,
                survey.labels[label_path].size if label_path else (0, 0),
                verdicts[label_path] if label_path else None,
                target_dir,
                label_set,
                survey.description.coding == PLAIN,
            )


def _safe_name(name: str, taken: Counter[str]) -> str:
    """Keep the folders of a name, but none that lead out of the copy; no name comes twice."""
    parts = [part for part in PurePosixPath(name).parts if part not in ("/", "..", ".")]
    safe = "/".join(part.lstrip(".") or "_" for part in parts)
    taken[safe] += 1
    return safe if taken[safe] == 1 else f"{safe}-{taken[safe]}"


def _beside(checked: Checked) -> list[Mended]:
    """Tell what comes about by writing the lists anew."""
    return [
        Mended(place.split, place.name, finding.kind.name, finding.remedy)
        for finding in checked.findings
        if finding.kind in (kinds.EMPTY_SPLIT, kinds.LONE_LABELS, kinds.LISTED_TWICE)
        for place in finding.places
    ]


def _once(entries: Sequence[Entry]) -> list[Entry]:
    return list({entry.name: entry for entry in entries}.values())


def _write_lists(jobs: list[Job], target_dir: Path, label_set: LabelSet) -> None:
    splits = {}
    for split in dict.fromkeys(job.split for job in jobs):
        own = [job for job in jobs if job.split == split]
        has_labels = any(job.label_path for job in own)
        splits[split] = SplitFiles(
            target_dir / "images" / split,
            target_dir / "masks" / split if has_labels else None,
            target_dir / f"{split}.txt",
        )
        write_file(target_dir / f"{split}.txt", "".join(f"{job.name}\n" for job in own).encode())
    description = DataDescription(target_dir, label_set, splits)
    write_file(target_dir / FILE_NAME, to_yaml(description).encode())


def _write_log(log: list[Mended], path: Path) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("split", "name", "fault", "done"))
    writer.writerows((one.split, one.name, one.fault, one.done) for one in log)
    write_file(path, text.getvalue().encode())
