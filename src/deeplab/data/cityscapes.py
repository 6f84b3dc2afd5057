"""Cityscapes: 19 classes of street scenes, 2048x1024 pixels (arXiv 1606.00915, section 4.4).

Read are the official files by their names, `leftImg8bit/SPLIT/CITY/FRAME_leftImg8bit.png` and
`gtFine/SPLIT/CITY/FRAME_gtFine_labelIds.png`, or else instance ids or train ids in the place of
label ids. The label maps of `test` are dummies, so that its pictures are kept without any.

Prepared it has the official folders and names again, with the classes in
`FRAME_gtFine_labelTrainIds.png`; instance ids, which some scores need, lie beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from deeplab.data.cityscapes_files import (
    CLASSES_SUFFIX,
    IDS_SUFFIX,
    INSTANCES_SUFFIX,
    LABELS_DIR,
    PICTURE_SUFFIX,
    PICTURES_DIR,
    frame_of,
    read_classes,
)
from deeplab.data.description import DataDescription, SplitFiles
from deeplab.data.find import Folder, list_folders
from deeplab.data.official import NUM_PICTURES
from deeplab.data.place import place_file
from deeplab.data.prepared import (
    Options,
    Pair,
    PreparedSet,
    lacking,
    write_description,
    write_list,
    write_pairs,
)
from deeplab.labels import CITYSCAPES

OFFICIAL = NUM_PICTURES["cityscapes"]
"""Pictures of each split (arXiv 1606.00915, section 4.4)."""

_CODINGS = (IDS_SUFFIX, INSTANCES_SUFFIX, CLASSES_SUFFIX)  # the first that is there is read
_POLYGONS_SUFFIX = "_gtFine_polygons.json"
_MOST_SHOWN = 3


@dataclass(frozen=True)
class _Split:
    """The files of one split by their frames (`aachen_000000_000019`)."""

    pictures: Mapping[str, Path]
    label_maps: Mapping[str, Path]
    instances: Mapping[str, Path]


def prepare(source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare Cityscapes in its own layout.

    Args:
        source_dir: Holds `leftImg8bit` and `gtFine`, unpacked, at any depth.
        target_dir: Gets the same two folders, lists and `data.yaml`.
        options: Progress.

    Raises:
        ValueError: There are no pictures with label maps, a picture or a label map of a split
            lacks the other, or files are wrong.
    """
    splits = _find(list_folders(source_dir, leave_out=target_dir), source_dir)
    paired = {name: split for name, split in splits.items() if split.label_maps and split.pictures}
    pairs = [
        Pair(
            name=frame,
            picture_path=split.pictures[frame],
            read_labels=partial(read_classes, split.label_maps[frame]),
            picture_place=_place(PICTURES_DIR, name, frame, PICTURE_SUFFIX),
            labels_place=_place(LABELS_DIR, name, frame, CLASSES_SUFFIX),
        )
        for name, split in paired.items()
        for frame in split.pictures
    ]
    written = write_pairs(pairs, target_dir, CITYSCAPES, tell=options.tell)
    for name, split in paired.items():
        for frame, path in split.instances.items():
            place_file(path, target_dir / _place(LABELS_DIR, name, frame, INSTANCES_SUFFIX))
    for frame, path in splits["test"].pictures.items():
        place_file(path, target_dir / _place(PICTURES_DIR, "test", frame, PICTURE_SUFFIX))
    counts = {name: len(split.pictures) for name, split in splits.items() if name in paired}
    if splits["test"].pictures:
        counts["test"] = len(splits["test"].pictures)
    _describe(target_dir, counts, splits)
    return PreparedSet("cityscapes", counts, written, tuple(_lacking(counts, splits)))


def _describe(target_dir: Path, counts: Mapping[str, int], splits: Mapping[str, _Split]) -> None:
    """Write `data.yaml` and the lists of the splits."""
    described = {}
    for name in counts:
        list_path = target_dir / f"{name}.txt"
        write_list(list_path, map(_city_place, sorted(splits[name].pictures)))
        described[name] = SplitFiles(
            images=target_dir / PICTURES_DIR / name,
            masks=None if name == "test" else target_dir / LABELS_DIR / name,
            list_path=list_path,
            image_suffix=PICTURE_SUFFIX,
            mask_suffix="" if name == "test" else CLASSES_SUFFIX,
        )
    write_description(DataDescription(target_dir, CITYSCAPES, described))


def _find(folders: Sequence[Folder], source_dir: Path) -> dict[str, _Split]:
    """Find the files of each split, and check that pictures and label maps come in pairs."""
    pictures = _files(folders, PICTURES_DIR, PICTURE_SUFFIX)
    codings = {suffix: _files(folders, LABELS_DIR, suffix) for suffix in _CODINGS}
    splits = {}
    for name in OFFICIAL:
        label_maps: dict[str, Path] = {}
        for suffix in reversed(_CODINGS):  # test has dummies, which are not read
            label_maps |= codings[suffix][name] if name != "test" else {}
        splits[name] = _Split(pictures[name], label_maps, codings[INSTANCES_SUFFIX][name])
    for name, split in splits.items():
        if split.pictures and split.label_maps:
            _check_pairs(name, split)
    if not any(split.pictures and split.label_maps for split in splits.values()):
        raise ValueError(f"{source_dir}: {_why_nothing(folders, splits)}")
    return splits


def _files(folders: Sequence[Folder], top: str, suffix: str) -> dict[str, dict[str, Path]]:
    """Find the files of a kind below `leftImg8bit` or `gtFine`: paths by split and frame."""
    files: dict[str, dict[str, Path]] = {split: {} for split in OFFICIAL}
    for split, folder in _of_splits(folders, top):
        for stem, path in folder.files(suffix).items():
            if frame_of(path.name) != stem:
                raise ValueError(
                    f"{path}: not a name of Cityscapes; expected <city>_<6 digits>_<6 digits>"
                    f"{suffix}, such as aachen_000000_000019{suffix}"
                )
            twin = files[split].setdefault(stem, path)
            if twin != path:
                raise ValueError(f"{twin} and {path} are of one name; keep one of them there")
    return files


def _of_splits(folders: Sequence[Folder], top: str) -> Iterator[tuple[str, Folder]]:
    for folder in folders:
        parts = folder.path.parts
        if top in parts:
            below = parts[len(parts) - parts[::-1].index(top) :]
            yield from ((split, folder) for split in below[:1] if split in OFFICIAL)


def _check_pairs(name: str, split: _Split) -> None:
    for there, other, word in (
        (split.pictures, split.label_maps, f"have no label map (gtFine/{name}/.../*{IDS_SUFFIX})"),
        (split.label_maps, split.pictures, f"have no picture ({PICTURES_DIR}/{name}/.../*.png)"),
    ):
        alone = sorted(there.keys() - other.keys())
        if alone:
            shown = ", ".join(alone[:_MOST_SHOWN]) + (", ..." if len(alone) > _MOST_SHOWN else "")
            raise ValueError(
                f"{name}: {len(alone)} of {len(there)} frames {word}: {shown}. Unpack "
                "leftImg8bit_trainvaltest.zip and gtFine_trainvaltest.zip again, or take these "
                "files away"
            )


def _why_nothing(folders: Sequence[Folder], splits: Mapping[str, _Split]) -> str:
    if any(_files(folders, LABELS_DIR, _POLYGONS_SUFFIX).values()) and not any(
        split.label_maps for split in splits.values()
    ):
        return (
            "gtFine holds polygons (*_gtFine_polygons.json) but no label maps; unpack the whole "
            "gtFine_trainvaltest.zip, or draw them with cityscapesscripts: csCreateTrainIdLabelImgs"
        )
    lacks = (
        "no label maps (gtFine/SPLIT/CITY/*_gtFine_labelIds.png)"
        if any(split.pictures for split in splits.values())
        else "no pictures (leftImg8bit/SPLIT/CITY/*_leftImg8bit.png)"
    )
    return (
        f"{lacks} of train or val below it; unpack leftImg8bit_trainvaltest.zip and "
        "gtFine_trainvaltest.zip there"
    )


def _place(top: str, split: str, frame: str, suffix: str) -> Path:
    return Path(top, split, _city_place(frame) + suffix)


def _city_place(frame: str) -> str:
    """Give the place of a frame below its split: `aachen/aachen_000000_000019`."""
    return f"{frame.partition('_')[0]}/{frame}"


def _lacking(counts: Mapping[str, int], splits: Mapping[str, _Split]) -> Iterator[str]:
    yield from lacking(counts, OFFICIAL)
    for name, split in splits.items():
        if split.pictures and not split.label_maps and name != "test":
            yield f"{name}: {len(split.pictures)} pictures have no label maps"
        if split.label_maps and not split.pictures:
            yield f"{name}: {len(split.label_maps)} label maps have no pictures"
        without = len(split.label_maps.keys() - split.instances.keys())
        if name in counts and name != "test" and without:
            yield f"{name}: {without} frames have no instance ids, which iIoU needs"
