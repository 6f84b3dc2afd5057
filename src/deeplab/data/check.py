"""Check a data set before training: `deeplab data check`, and the quick part that training runs.

Half of the trainings that fail do so because of their data, and late: a label that is out of range
stops a GPU in the middle of a run, a mask of 0 and 255 is learnt as background and void.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from deeplab.data.checks import kinds
from deeplab.data.checks.codes import judge_codes
from deeplab.data.checks.contents import Tally, judge_contents, tally
from deeplab.data.checks.files import judge_files, place_of
from deeplab.data.checks.repeats import judge_repeats
from deeplab.data.checks.survey import Survey, Tell, glance, look
from deeplab.data.checks.verdicts import Verdicts
from deeplab.data.description import DataDescription
from deeplab.data.findings import Finding, Kind, Place, Severity, found
from deeplab.data.layouts import describe

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
"""The worst first."""

_OF_THE_WHOLE_SET = (kinds.BINARY, kinds.BINARY_OF_MANY, kinds.SPACED, kinds.OFF_BY_ONE)
"""What a sample alone does not tell: some other label map may show the class that is missing."""


@dataclass(frozen=True)
class Checked:
    """What is known of a data set after a check.

    Attributes:
        findings: Faults, the worst first; none: all is well.
        survey: What was seen; None: the data set could not be opened.
        verdicts: What is wrong with the contents of each label map.
        tallies: The classes in each split that has label maps.
    """

    findings: tuple[Finding, ...]
    survey: Survey | None = None
    verdicts: Verdicts | None = None
    tallies: dict[str, Tally] | None = None

    def count(self, severity: Severity) -> int:
        """Count the findings of one severity."""
        return sum(finding.severity == severity for finding in self.findings)


def check(
    data: Path, splits: Iterable[str] = (), *, tell: Tell = lambda done, total: None
) -> Checked:
    """Check a data set: every file is decoded.

    Args:
        data: Its folder, or its `data.yaml`.
        splits: Those to check; none: all.
        tell: Told how many files of how many are done.
    """
    try:
        description, chosen = _open(data, splits)
    except ValueError as error:
        return Checked((found(kinds.DESCRIPTION, (), {"problem": error}),))
    return _judge(look(description, chosen, tell=tell))


def quick_check(data: Path, splits: Iterable[str]) -> list[Finding]:
    """Check what can be checked at once: lists, pairs, sizes, and a sample of the label maps.

    Args:
        data: The folder of the data set, or its `data.yaml`.
        splits: Those that will be used; none: all.

    Returns:
        Faults, the worst first.
    """
    try:
        description, chosen = _open(data, splits)
    except ValueError as error:
        return [found(kinds.DESCRIPTION, (), {"problem": error})]
    findings = _judge(glance(description, chosen)).findings
    if any(finding.kind in _OF_THE_WHOLE_SET for finding in findings):
        findings = _judge(glance(description, chosen, decode_all=True)).findings
    return list(findings)


def _open(data: Path, splits: Iterable[str]) -> tuple[DataDescription, list[str]]:
    description = describe(data)
    chosen = list(dict.fromkeys(splits)) or list(description.splits)
    for split in chosen:
        description.split(split)  # refuses what is not there
    if not chosen:
        raise ValueError(
            f"{description.root}: no splits; list their pictures in train.txt and val.txt, or let "
            f"`deeplab data init {description.root}` make them"
        )
    return description, chosen


def _judge(survey: Survey) -> Checked:
    verdicts = judge_codes(survey.labels, survey.description)
    findings = [*judge_files(survey), *_code_findings(survey, verdicts), *judge_repeats(survey)]
    tallies = tally(survey, verdicts)
    if survey.is_full:
        findings += judge_contents(survey, verdicts, tallies)
    ordered = sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
    return Checked(tuple(ordered), survey, verdicts, tallies)


def _code_findings(survey: Survey, verdicts: Verdicts) -> list[Finding]:
    """Turn the verdicts on label maps into findings."""
    by_name: dict[str, tuple[Kind, dict[tuple[str, Path], Place]]] = {}
    for split, entry, path in survey.labelled():
        verdict = verdicts.of.get(path)
        for kind in verdict.kinds if verdict else ():
            places = by_name.setdefault(kind.name, (kind, {}))[1]
            places[split, path] = place_of(split, entry, verdict.detail if verdict else "")
    findings = []
    for name, (kind, places) in by_name.items():
        words = verdicts.words.get(name, {})
        num_seen = None if survey.is_full else len(verdicts.of)
        findings.append(found(kind, list(places.values()), words, num_seen=num_seen))
    return findings
