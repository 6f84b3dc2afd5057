"""Weight files that are known: ours, those that this user imported, and those of others.

Nothing here needs torch: what a file says about itself stands in its header.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from deeplab.cache import fetched_dir, imported_dir
from deeplab.inference import OnnxRuntimeEngine, find_integer_file, integer_record
from deeplab.network_card import NetworkCard
from deeplab.registry import ELSEWHERE, ForeignWeights, Score, Use, judge_use, nearest
from deeplab.weights import PUBLISHED, imported_file, resolve_checkpoint, resolve_network

OWN_LAYOUT = "deeplab"
"""The layout of files that deeplab wrote."""

_MOST_HEADER_BYTES = 100_000_000  # of the format itself


@dataclass(frozen=True)
class Known:
    """Weights that can be listed.

    Attributes:
        name: What users type.
        kind: Published by us, imported by this user, or published by others.
        network: Which network, in words.
        layout: How its tensors are named.
        num_classes: Outputs, background included.
        score: What was measured, and by whom; empty: nothing.
        size_mb: Megabytes, where known.
        path: Where it lies; None: it is not here.
        use: Whether it may be used commercially, and why.
    """

    name: str
    kind: Literal["ours", "imported", "elsewhere"]
    network: str
    layout: str
    num_classes: int
    score: str
    size_mb: float | None
    path: Path | None
    use: Use


def list_known(
    *, commercial_ok: bool = False, layout: str | None = None, num_classes: int | None = None
) -> list[Known]:
    """List weights: ours first, then imported ones, then those of others.

    Args:
        commercial_ok: Only those whose licences allow commercial use, read carefully.
        layout: Only those of this layout.
        num_classes: Only those with so many classes.
    """
    return [
        one
        for one in (*_ours(), *_imported(), *map(_elsewhere, ELSEWHERE.values()))
        if (not commercial_ok or one.use.commercial_ok)
        and layout in (None, one.layout)
        and num_classes in (None, one.num_classes)
    ]


def find_file(name_or_file: str) -> Path:
    """Find where weights lie: what `segment` uses of ours and imported ones, else the fetched file.

    Raises:
        ValueError: They are not here; the message says how to get them.
    """
    if name_or_file in PUBLISHED:
        return resolve_network(name_or_file)
    for suffix in (".onnx", ".safetensors"):
        imported = imported_file(name_or_file, suffix)
        if imported is not None:
            return imported
    record = ELSEWHERE.get(name_or_file)
    if record is not None:
        path = fetched_path(record)
        if not path.is_file():
            raise ValueError(f"{name_or_file} is not here: `deeplab weights fetch {name_or_file}`")
        return path
    path = Path(name_or_file)
    if not path.is_file():
        near = nearest(name_or_file, [*PUBLISHED, *ELSEWHERE])
        raise ValueError(
            f"weights {name_or_file!r}: neither a known name nor a file; {near}"
            "`deeplab weights list` shows all names"
        )
    return path


def fetched_path(record: ForeignWeights) -> Path:
    """Say where a file of others lies once it is fetched."""
    return fetched_dir() / record.name / record.file_name


def read_card(path: Path) -> NetworkCard:
    """Read what a file of ours says about itself.

    Args:
        path: `.onnx` or `.safetensors`.

    Raises:
        ValueError: A file of others, or a damaged one.
    """
    if path.suffix == ".onnx":
        return OnnxRuntimeEngine(path).card
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: has no card; `deeplab weights import` makes files that do")
    try:
        return NetworkCard.from_metadata(_read_header(path).get("__metadata__", {}))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_header(path: Path) -> dict[str, dict[str, str]]:
    """Read the header of a safetensors file: 8 bytes of length, then JSON."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(_MOST_HEADER_BYTES, path.stat().st_size - 8):
            raise ValueError("not a safetensors file, or a damaged one")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise ValueError("not a safetensors file, or a damaged one") from error
    if not isinstance(header, dict) or not isinstance(header.get("__metadata__", {}), dict):
        raise ValueError("not a safetensors file, or a damaged one")
    return header


def describe(name_or_file: str) -> list[tuple[str, str]]:
    """Say what is known of weights: pairs of a heading and a text.

    Raises:
        ValueError: See `find_file` and `read_card`; a record of others needs no file.
    """
    record = ELSEWHERE.get(name_or_file)
    is_ours = name_or_file in PUBLISHED
    if record is not None and not any(
        imported_file(name_or_file, suffix) for suffix in (".onnx", ".safetensors")
    ):
        return _describe_record(record)
    path = find_file(name_or_file)
    rows = _describe_card(read_card(path), path) + _describe_integers(path)
    if is_ours:
        own = PUBLISHED[name_or_file]
        rows += [
            ("score", f"{_percent(own.miou)} ({own.score_protocol})"),
            ("checkpoint", str(resolve_checkpoint(name_or_file))),
            ("licence", own.licence),
            *_describe_use(judge_use(own.trained_on)),
        ]
    elif record is not None:
        rows += [row for row in _describe_record(record) if row[0] not in dict(rows)]
    return rows


def _describe_card(card: NetworkCard, path: Path) -> list[tuple[str, str]]:
    crf = "none" if card.crf is None else json.dumps(card.crf)
    rows = [
        ("name", card.name),
        ("file", str(path)),
        ("classes", f"{len(card.class_names)}: {', '.join(card.class_names)}"),
        ("output stride", str(card.output_stride)),
        ("longest side", "any" if card.longest_side is None else f"{card.longest_side} pixels"),
        ("bands", str(card.num_bands)),
        ("CRF parameters", crf),
    ]
    if card.fuses_scales:
        scales = ", ".join(f"{scale:g}" for scale in card.inner_scales)
        rows.append(("inside", f"scales {scales}{' and flip' if card.inner_flip else ''}"))
    rows += [("recipe", line) for line in card.recipe.strip().splitlines()[:1]]
    return rows + [(key.replace("_", " "), value) for key, value in card.provenance.items()]


def _describe_integers(path: Path) -> list[tuple[str, str]]:
    """Say what the file in integers of 8 bits beside a network file changes, if there is one."""
    beside = find_integer_file(path) if path.suffix == ".onnx" else None
    if beside is None:
        return []
    record = integer_record(beside)
    if record is None:
        return [("in integers", f"{beside}, not measured")]
    return [
        (
            "in integers",
            f"{beside}: mean IoU {100 * record.miou_change:+.2f} points, {record.same_labels:.2%} "
            f"of the labels stay ({record.num_pictures} pictures of {record.data})",
        )
    ]


def _describe_record(record: ForeignWeights) -> list[tuple[str, str]]:
    path = fetched_path(record)
    rows = [
        ("name", record.name),
        ("published by", record.publisher),
        ("network", record.network),
        ("layout", record.layout),
        ("classes", f"{record.num_classes}: {record.classes}"),
        ("file", str(path) if path.is_file() else f"{record.file_name} (not here)"),
        ("page", record.page),
        *(("address", url) for url in record.urls),
        ("SHA-256", _describe_hash(record.sha256)),
        *(("score", f"{_describe_score(score)}; {score.source}") for score in record.scores),
        ("licence", record.licence),
        *_describe_use(record.use),
    ]
    return [*rows, ("beware", record.trap)] if record.trap else rows


def _describe_hash(sha256: str | None) -> str:
    if sha256 is None:
        return "not published"
    return sha256 if len(sha256) == 64 else f"begins with {sha256}, as its name says"


def _describe_use(use: Use) -> list[tuple[str, str]]:
    return [
        ("commercial use", f"{'yes' if use.commercial_ok else 'not clear or no'}: {use.reason}")
    ]


def _ours() -> Iterator[Known]:
    for record in PUBLISHED.values():
        path = resolve_network(record.name)
        yield Known(
            name=record.name,
            kind="ours",
            network=record.network,
            layout=OWN_LAYOUT,
            num_classes=record.num_classes,
            score=f"{_percent(record.miou)} (we: {record.score_protocol})",
            size_mb=path.stat().st_size / 1e6,
            path=path,
            use=judge_use(record.trained_on),
        )


def _imported() -> Iterator[Known]:
    folder = imported_dir()
    for path in sorted(folder.glob("*.safetensors")) if folder.is_dir() else ():
        try:
            card = read_card(path)
        except ValueError as error:
            yield _damaged(path, error)
            continue
        origin = ELSEWHERE.get(card.provenance.get("published_as", ""))
        network_path = path.with_suffix(".onnx")
        yield Known(
            name=path.stem,
            kind="imported",
            network=origin.network if origin else card.provenance.get("network", ""),
            layout=card.provenance.get("layout", OWN_LAYOUT),
            num_classes=len(card.class_names),
            score=_describe_score(origin.scores[0]) if origin and origin.scores else "",
            size_mb=path.stat().st_size / 1e6,
            path=network_path if network_path.is_file() else path,
            use=origin.use if origin else judge_use(()),
        )


def _damaged(path: Path, error: ValueError) -> Known:
    return Known(
        name=path.stem,
        kind="imported",
        network=f"cannot be read: {error}",
        layout="",
        num_classes=0,
        score="",
        size_mb=path.stat().st_size / 1e6,
        path=path,
        use=judge_use(()),
    )


def _elsewhere(record: ForeignWeights) -> Known:
    path = fetched_path(record)
    is_here = path.is_file()
    return Known(
        name=record.name,
        kind="elsewhere",
        network=record.network,
        layout=record.layout,
        num_classes=record.num_classes,
        score=_describe_score(record.scores[0]) if record.scores else "",
        size_mb=path.stat().st_size / 1e6 if is_here else record.size_mb,
        path=path if is_here else None,
        use=record.use,
    )


def _describe_score(score: Score) -> str:
    return f"{_percent(score.miou)} ({score.by}: {score.measured_on})"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"
