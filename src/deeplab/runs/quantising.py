"""Which pictures a network is quantised with, and on which its loss is measured: never the same."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from deeplab import bands, imaging
from deeplab.data import DataDescription, Sample, describe, open_split
from deeplab.data.pairing import list_entries
from deeplab.evaluation import spread
from deeplab.export import Probe, Quantising
from deeplab.network_card import NetworkCard

_NUM_CALIBRATED = 64
_FEWEST_PHOTOS = 4


def plan_quantising(
    calibrate: Path,
    card: NetworkCard,
    *,
    data: Path | None = None,
    split: str | None = None,
    limit: int | None = None,
    accepted_points: float | None = None,
) -> Quantising:
    """Choose pictures to quantise a network with.

    Args:
        calibrate: A folder of photos like those to be segmented, or a data set: of that the splits
            other than `split` are taken.
        card: Of the network.
        data: A data set to measure mean IoU on; None: `calibrate`, if that is one. Without, every
            second photo is kept for measuring how many labels stay.
        split: Of that data set.
        limit: Measure on so many pictures only, spread evenly.
        accepted_points: See `Quantising`.

    Raises:
        ValueError: Missing or too few pictures, other classes, or a split without a data set.
    """
    described = _describe(calibrate)
    if data is None and described is not None:
        if split is None:
            splits = ", ".join(sorted(described.splits)) or "none"
            raise ValueError(
                f"{calibrate} is a data set: say with --split on which split the loss is measured "
                f"({splits}); the others are calibrated on"
            )
        data = calibrate
    if (data is None) != (split is None):
        raise ValueError("--data and --split go together: a data set, and the split to measure on")
    paths = _photos(calibrate) if described is None else _other_pictures(described, split)
    if data is None or split is None:
        return _without_labels(calibrate, paths, card, limit, accepted_points)
    samples = _open(data, split, card)
    measured = {sample.picture_path.resolve() for sample in samples}
    paths = [path for path in paths if path.resolve() not in measured]
    if not paths:
        raise ValueError(
            f"{calibrate}: has no pictures but those of {split}, on which the loss is measured; "
            "calibrate on other photos"
        )
    probes = [_labelled(sample, card) for sample in spread(samples, limit)]
    return Quantising(
        _readers(paths, card), probes, f"{data.resolve().name}/{split}", accepted_points
    )


def _describe(folder: Path) -> DataDescription | None:
    """Say what a data set is; None: it is a folder of photos."""
    try:
        return describe(folder)
    except ValueError:
        if not folder.is_dir():
            raise
        return None


def _photos(folder: Path) -> list[Path]:
    suffixes = imaging.picture_suffixes() | {".npy"}
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def _other_pictures(description: DataDescription, split: str | None) -> list[Path]:
    """List the pictures of all splits but one, each once."""
    names = [name for name in description.splits if name != split]
    entries = [entry for name in names for entry in list_entries(description, name)]
    return sorted({path for entry in entries for path in entry.picture_paths[:1]})


def _open(data: Path, split: str, card: NetworkCard) -> tuple[Sample, ...]:
    opened = open_split(data, split)
    if opened.label_set.class_names != card.class_names:
        raise ValueError(
            f"{data} has the classes {', '.join(opened.label_set.class_names)}, the network "
            f"{', '.join(card.class_names)}: measure on data with the network's classes"
        )
    return opened.samples


def _without_labels(
    folder: Path,
    paths: Sequence[Path],
    card: NetworkCard,
    limit: int | None,
    accepted_points: float | None,
) -> Quantising:
    if len(paths) < _FEWEST_PHOTOS:
        raise ValueError(
            f"{folder}: holds {len(paths)} pictures; give {_FEWEST_PHOTOS} or more (some dozens "
            "are better): half of them to calibrate on, the others to measure on"
        )
    others = tuple(Sample(path.name, path, None) for path in paths[1::2])
    probes = [
        Probe(sample.name, partial(sample.read_picture, card.num_bands))
        for sample in spread(others, limit)
    ]
    return Quantising(_readers(paths[::2], card), probes, folder.resolve().name, accepted_points)


def _labelled(sample: Sample, card: NetworkCard) -> Probe:
    return Probe(
        sample.name,
        partial(sample.read_picture, card.num_bands),
        partial(sample.read_labels, len(card.class_names)),
    )


def _readers(paths: Sequence[Path], card: NetworkCard) -> tuple[Callable[[], imaging.Picture], ...]:
    """Take 64 pictures, spread evenly."""
    step = -(-len(paths) // _NUM_CALIBRATED)
    return tuple(partial(bands.read_bands, path, card.num_bands) for path in paths[::step])
