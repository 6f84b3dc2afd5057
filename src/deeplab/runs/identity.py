"""What decides the numbers of an evaluation, short enough to be kept beside its counts."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deeplab.data import Sample, SegmentationData
from deeplab.inference import hash_weights


def describe_run(
    weights: str | Path,
    data: SegmentationData,
    samples: Sequence[Sample],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe an evaluation: two with the same description give the same counts.

    Files of weights are known by their content. Pictures, label maps and files in a folder in the
    place of weights are known by name and size (the latter by their time too): to read all of them
    would take as long as to score them.

    Args:
        weights: A published name, a file, or a folder of scores or label maps.
        data: The data set.
        samples: The pictures that are scored.
        settings: What else decides the numbers, as JSON values.
    """
    return {
        "weights (SHA-256)": _hash_weights(weights),
        "classes": list(data.label_set.class_names),
        "number of pictures": len(samples),
        "pictures (SHA-256 of names and sizes)": _hash_lines(map(_describe_sample, samples)),
        "coding of label maps": sorted({repr(sample.coding) for sample in samples}),
        **settings,
    }


def _hash_weights(weights: str | Path) -> str:
    path = Path(weights)
    if path.is_dir():
        files = sorted(file for file in path.rglob("*") if file.suffix in (".npz", ".png"))
        stats = [(file.relative_to(path).as_posix(), file.stat()) for file in files]
        return _hash_lines(f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in stats)
    return hash_weights(weights)


def _describe_sample(sample: Sample) -> str:
    files = [path for path in (sample.picture_path, sample.label_path) if path is not None]
    return " ".join([sample.name, *(str(path.stat().st_size) for path in files)])


def _hash_lines(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
