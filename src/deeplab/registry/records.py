"""The record of a weight file that others published, and what may be done with it."""

from collections.abc import Iterable
from dataclasses import dataclass

from deeplab.registry.data_sets import DATA_SETS


@dataclass(frozen=True)
class Score:
    """A mean IoU that somebody says they measured.

    Attributes:
        miou: 0..1.
        measured_on: The pictures, and how: scales, CRF.
        by: Who says so.
        source: Where they say it.
    """

    miou: float
    measured_on: str
    by: str
    source: str


@dataclass(frozen=True)
class Use:
    """Whether something may be used commercially, and why.

    Attributes:
        commercial_ok: The careful answer.
        reason: What decides it, in words.
    """

    commercial_ok: bool
    reason: str


@dataclass(frozen=True)
class ForeignWeights:
    """One weight file that others published.

    Attributes:
        name: What users type.
        network: Which network it is, in words.
        publisher: Who published it.
        layout: How its tensors are named; see `models.foreign`. For people: the layout of a file is
            told by the file.
        num_classes: Outputs, background included.
        classes: What they are: a name in `labels.LABEL_SETS`, or words.
        file_name: What the weight file is called.
        page: A page for people that leads to it.
        urls: Where it can be fetched from without a browser; all give the same file. None: only a
            browser gets it.
        member: Its place in an archive, where `urls` are of one. Empty: they are of the file.
        sha256: Of the weight file, hexadecimal, or the beginning that its publisher put into its
            name. None: nobody published one.
        size_mb: Megabytes to fetch, where known.
        scores: What people say they measured.
        trained_on: Names in `DATA_SETS`, those of its start included.
        licence: Of the weights or, where nothing is said of them, of the code beside them.
        licence_forbids_trade: Whether that licence forbids commercial use.
        trap: What one has to know before comparing with it. Empty: nothing.
    """

    name: str
    network: str
    publisher: str
    layout: str
    num_classes: int
    classes: str
    file_name: str
    page: str
    trained_on: tuple[str, ...]
    licence: str
    urls: tuple[str, ...] = ()
    member: str = ""
    sha256: str | None = None
    size_mb: float | None = None
    scores: tuple[Score, ...] = ()
    licence_forbids_trade: bool = False
    trap: str = ""

    @property
    def use(self) -> Use:
        """Whether it may be used commercially, as far as it is known."""
        if self.licence_forbids_trade:
            return Use(False, f"its licence: {self.licence}")
        return judge_use(self.trained_on)


def judge_use(trained_on: Iterable[str]) -> Use:
    """Judge weights by the data sets they were trained on.

    Args:
        trained_on: Names; one that is not in `DATA_SETS`, or none at all, is not OK.
    """
    names = list(trained_on)
    if not names:
        return Use(False, "what it was trained on is not known")
    reasons = []
    for name in names:
        known = DATA_SETS.get(name)
        if known is None:
            reasons.append(f"the terms of {name} are not known")
        elif not known.commercial_ok:
            reasons.append(f"{known.title}: {known.terms}")
    if reasons:
        return Use(False, "; ".join(reasons))
    return Use(True, f"the terms of {', '.join(names)} allow it")
