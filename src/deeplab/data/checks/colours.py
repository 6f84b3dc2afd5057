"""Label maps that are painted: are their colours those of the classes?"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from deeplab.data.checks import kinds
from deeplab.data.checks.raw_labels import LabelFacts
from deeplab.data.checks.recoding import (
    Recoding,
    colours_recoding,
    recoding,
    snapping,
    unpacked,
)
from deeplab.data.checks.verdicts import MOSTLY, SURE, Verdict, Verdicts, percent
from deeplab.data.description import DataDescription
from deeplab.data.findings import Kind, some

_SELDOM = 0.01  # colours that are so rare may become void without asking
_SHOWN = 8
_MOST_IN_PALETTE = 40


def judge_colours(
    facts: dict[Path, LabelFacts], description: DataDescription, verdicts: Verdicts
) -> None:
    """Judge label maps that are painted.

    Args:
        facts: What is in each file.
        description: What the data set says about itself.
        verdicts: Where the verdicts go.
    """
    if not facts:
        return
    is_declared = bool(description.coding.colours)
    exact = colours_recoding(description)
    shares = _colour_shares(facts.values())
    is_of_palette = set(shares) <= set(exact.codes.tolist())
    kind = kinds.UNKNOWN_COLOURS if is_declared else kinds.COLOUR_MASKS
    if not is_declared:
        exact = _two_colours(list(shares), description) or exact
    strange = {code: share for code, share in shares.items() if code not in exact.codes}
    snapped = snapping(exact)
    limit = MOSTLY if is_declared or sum(strange.values()) <= _SELDOM else 0.0
    for path, one in facts.items():
        verdicts.of[path] = _judge_painted(one, kind, exact, snapped, limit)
    shown = strange if is_declared else shares
    verdicts.words[kind.name] = {
        "colours": _show_colours(shown),
        "colour": list(unpacked(next(iter(shown)))) if shown else "",
        "advice": _advice_on_colours(shares, description, is_of_palette=is_of_palette),
    }


def _judge_painted(
    facts: LabelFacts, kind: Kind, exact: Recoding, snapped: Recoding | None, limit: float
) -> Verdict:
    unknown = exact.unknown_share(facts)
    if not unknown and kind is kinds.UNKNOWN_COLOURS:
        return Verdict((), exact)
    is_blurred = facts.is_lossy or (unknown > 0 and len(facts.codes) > 4 * len(exact.codes))
    if is_blurred and snapped is not None and snapped.unknown_share(facts) <= 1 - SURE:
        more = (kinds.JPEG if facts.is_lossy else kinds.BLURRED,)
        return Verdict((kind, *more), snapped)
    detail = f"{percent(unknown)} of its pixels in unknown colours" if unknown else ""
    return Verdict((kind,), exact if unknown <= limit else None, detail)


def _two_colours(codes: list[int], description: DataDescription) -> Recoding | None:
    """Read black and one other colour as the two classes of a binary task."""
    if len(description.label_set.class_names) == 2 and len(codes) == 2 and 0 in codes:
        return recoding("colours", {0: 0, max(codes): 1})
    return None


def _colour_shares(facts: Iterable[LabelFacts]) -> dict[int, float]:
    """Give the share of all pixels that have each colour, the most frequent first."""
    totals: dict[int, int] = {}
    for one in facts:
        codes = one.codes * 0x010101 if one.view == "values" else one.codes
        for code, count in zip(codes.tolist(), one.found_counts, strict=True):
            totals[code] = totals.get(code, 0) + count
    total = sum(totals.values())
    ordered = sorted(totals.items(), key=lambda item: -item[1])
    return {code: count / total for code, count in ordered}


def _show_colours(shares: Mapping[int, float]) -> str:
    shown = [f"{unpacked(code)} {percent(share)}" for code, share in shares.items()]
    return some(shown, _SHOWN)


def _advice_on_colours(
    shares: Mapping[int, float], description: DataDescription, *, is_of_palette: bool
) -> str:
    names = description.label_set.class_names
    if is_of_palette:
        return (
            "They are the colours of the palette (VOC's, where data.yaml names no other): write "
            "`colours: true` and the `palette` into data.yaml, or save them as palette PNG"
        )
    codes = [code for code in shares if shares[code] > _SELDOM / 10][:_MOST_IN_PALETTE]
    palette = ", ".join(str(list(unpacked(code))) for code in sorted(codes))
    return (
        f"Say which colour is which class: write `colours: true` and `palette: [{palette}]` into "
        f"data.yaml, brought into the order of the {len(names)} classes ({', '.join(names[:5])}"
        f"{', ...' if len(names) > 5 else ''}); colours that are no class go into `void`"
    )
