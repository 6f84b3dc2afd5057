"""Turn a checkpoint, of others or ours, into files that all commands take (needs `train`)."""

import dataclasses
import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deeplab.cache import imported_dir
from deeplab.download import hash_file
from deeplab.export import Agreement, export_network, read_check_pictures
from deeplab.labels import LABEL_SETS, LabelSet, named
from deeplab.models import Checkpoint, ModelConfig, load_checkpoint, save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.registry import ELSEWHERE, ForeignWeights
from deeplab.runs.weight_fetch import remember_hash, remembered_path
from deeplab.runs.weight_files import find_file
from deeplab.weights import PUBLISHED, is_good_name

_NO_HEAD = "head"  # in the provenance of files of others that have none


@dataclass(frozen=True)
class Imported:
    """What an import left.

    Attributes:
        name: What it is called now.
        card: What its files say about it.
        config: The network.
        num_parameters: Weights that it has, statistics left out.
        checkpoint_path: The safetensors file.
        network_path: The ONNX file; None: none was wanted, or the file had no last layers.
        agreement: How well the ONNX file and the network agree.
    """

    name: str
    card: NetworkCard
    config: ModelConfig
    num_parameters: int
    checkpoint_path: Path
    network_path: Path | None
    agreement: Agreement | None


def import_weights(
    source: str,
    *,
    name: str | None = None,
    out_dir: Path | None = None,
    layout: str | None = None,
    class_names: Sequence[str] | None = None,
    with_network: bool = True,
    half: bool = False,
    overwrite: bool = False,
) -> Imported:
    """Import a checkpoint: all files are written, or none.

    Args:
        source: A file, or the name of a record in `registry.ELSEWHERE` that is fetched.
        name: What to call it; None: as the record, else as the file.
        out_dir: Where the files go; None: where every command finds them by name.
        layout: How its tensors are named; None: it is told by the names.
        class_names: Of its outputs; None: as in the record, else as `load_checkpoint` says.
        with_network: Whether to write the ONNX file.
        half: Store filters in 16 bits.
        overwrite: Replace what is there under this name.

    Raises:
        ValueError: No such file, one that cannot be read, a name that is taken, class names that
            are not as many as outputs, or an ONNX file that does not score as the network.
    """
    path = find_file(source).resolve()  # else a name could be taken for what it is called
    record = _find_record(source, path, name)
    name = name or (record.name if record else _name_of(path))
    folder = imported_dir() if out_dir is None else out_dir
    _check_name(name, folder, overwrite=overwrite)
    loaded = load_checkpoint(path, layout=layout)
    card = _write_card(loaded, name, path, record, class_names)
    with_network = with_network and _NO_HEAD not in card.provenance  # nothing to look at
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".importing-", dir=folder) as unfinished:
        files, agreement = _write_files(
            loaded, card, Path(unfinished), with_network=with_network, half=half
        )
        if not with_network:  # one of an earlier import would be of another network
            for old in (folder / f"{name}.onnx", remembered_path(folder / f"{name}.onnx")):
                old.unlink(missing_ok=True)
        for file in files:
            os.replace(file, folder / file.name)
    return Imported(
        name=name,
        card=card,
        config=loaded.config,
        num_parameters=sum(weight.numel() for weight in loaded.network.parameters()),
        checkpoint_path=folder / f"{name}.safetensors",
        network_path=folder / f"{name}.onnx" if with_network else None,
        agreement=agreement,
    )


def read_class_names(path: Path) -> tuple[str, ...]:
    """Read class names from a text file, one a line, in the order of the outputs.

    Raises:
        ValueError: It is not there, or not text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"--classes {path}: {error}; give a text file, one name a line") from error
    return tuple(line.strip() for line in lines if line.strip())


def _find_record(source: str, path: Path, name: str | None) -> ForeignWeights | None:
    """Find the record of what is imported: by its name, or by what the file is called.

    Raises:
        ValueError: It is called like a record that is of another file.
    """
    sha256 = hash_file(path)
    for candidate in (source, name):
        record = ELSEWHERE.get(candidate or "")
        if record is None:
            continue
        if record.sha256 and not sha256.startswith(record.sha256):
            raise ValueError(
                f"{path} is not {candidate} (SHA-256 {sha256[:12]}..., published: "
                f"{record.sha256}): choose another name with --name"
            )
        return record
    fitting = [
        one
        for one in ELSEWHERE.values()
        if one.file_name == path.name and (not one.sha256 or sha256.startswith(one.sha256))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _name_of(path: Path) -> str:
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "-" for sign in path.stem.lower())
    return kept.strip("-") or "imported"


def _check_name(name: str, folder: Path, *, overwrite: bool) -> None:
    if not is_good_name(name):
        raise ValueError(f"--name {name!r}: use letters, digits, '.', '_' and '-', and no ending")
    if name in PUBLISHED:
        raise ValueError(f"--name {name}: this is one of ours; choose another name with --name")
    there = [folder / f"{name}{suffix}" for suffix in (".safetensors", ".onnx")]
    taken = [path for path in there if path.exists()]
    if taken and not overwrite:
        raise ValueError(f"{taken[0]} is there: choose another name with --name, or --overwrite it")


def _write_card(
    loaded: Checkpoint,
    name: str,
    path: Path,
    record: ForeignWeights | None,
    class_names: Sequence[str] | None,
) -> NetworkCard:
    card = loaded.card
    labels = _find_labels(card, record, class_names)
    if len(labels.class_names) != len(card.class_names):
        raise ValueError(
            f"--classes: {len(labels.class_names)} names for the {len(card.class_names)} outputs "
            f"of {path}: give one for each, the background included"
        )
    provenance = dict(card.provenance)
    if "sha256" not in provenance:  # files of others come with it
        provenance |= {"file": path.name, "sha256": hash_file(path)}
    if labels.class_names != card.class_names:
        provenance["class names"] = "as given" if class_names else f"those of {labels.name}"
    if record is not None:
        provenance |= {
            "published_as": record.name,
            "published_by": f"{record.publisher}, {record.page}",
            "network": record.network,
            "trained_on": ", ".join(record.trained_on) or "not known",
            "licence": record.licence,
            "commercial_use": record.use.reason,
        } | ({"beware": record.trap} if record.trap else {})
    return dataclasses.replace(
        card,
        name=name,
        class_names=labels.class_names,
        palette=labels.palette,
        provenance=provenance,
    )


def _find_labels(
    card: NetworkCard, record: ForeignWeights | None, class_names: Sequence[str] | None
) -> LabelSet:
    if class_names is not None:
        for known in LABEL_SETS.values():
            if known.class_names == tuple(class_names):
                return known
        return named(class_names)
    known_set = LABEL_SETS.get(record.classes) if record else None
    if known_set is not None and len(known_set.class_names) == len(card.class_names):
        return known_set
    return LabelSet(card.name, card.class_names, card.palette)


def _write_files(
    loaded: Checkpoint, card: NetworkCard, folder: Path, *, with_network: bool, half: bool
) -> tuple[list[Path], Agreement | None]:
    """Write all files of an import, with their hashes, in the order in which they are moved."""
    paths, agreement = [folder / f"{card.name}.safetensors"], None
    save_checkpoint(
        paths[0], loaded.network.state_dict(), config=loaded.config, card=card, half=half
    )
    if with_network:
        paths.append(folder / f"{card.name}.onnx")
        pictures = read_check_pictures(num_bands=card.num_bands)
        agreement = export_network(loaded.network, card, paths[1], pictures=pictures, half=half)
    hashes = [remember_hash(path) for path in paths]
    return [*paths, *hashes], agreement
