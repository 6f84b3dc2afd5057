"""The files of Cityscapes: their names, and what the numbers in their label maps mean.

Label maps come in three codings: label ids (`..._gtFine_labelIds.png`, 0..33), instance ids
(`..._gtFine_instanceIds.png`, 16 bits: 1000 times the label id plus a counter where single objects
are told apart, else the label id), and train ids (`..._gtFine_labelTrainIds.png`, 0..18, 255 void),
which are the classes of `labels.CITYSCAPES`.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.labels import CITYSCAPES, CITYSCAPES_IDS, CITYSCAPES_LABELS, VOID

PICTURES_DIR, LABELS_DIR = "leftImg8bit", "gtFine"
PICTURE_SUFFIX = "_leftImg8bit.png"
IDS_SUFFIX = "_gtFine_labelIds.png"
INSTANCES_SUFFIX = "_gtFine_instanceIds.png"
CLASSES_SUFFIX = "_gtFine_labelTrainIds.png"

OBJECTS_FROM = 1000
"""Instance ids from here on are single objects, of the label id that 1000 goes into so often."""

_FRAME = re.compile(r"([A-Za-z-]+_\d{6}_\d{6})(?=[_.])")
_MOST_SHOWN = 5
_NUM_IDS = sum(label.label_id >= 0 for label in CITYSCAPES_LABELS)

_CLASS_OF = np.full(VOID + 1, VOID, np.uint8)
_CLASS_OF[list(CITYSCAPES_IDS)] = np.arange(len(CITYSCAPES_IDS))
_ID_OF = np.zeros(VOID + 1, np.uint8)  # void goes back to 0, unlabeled
_ID_OF[: len(CITYSCAPES_IDS)] = CITYSCAPES_IDS


def frame_of(name: str) -> str | None:
    """Give the `<city>_<sequence>_<frame>` that a file name begins with; None: it has none."""
    match = _FRAME.match(name)
    return match[1] if match else None


def instances_path(label_path: Path) -> Path | None:
    """Say where the instance ids of a label map are, beside it; None: not a name of Cityscapes."""
    frame, marker, _ = label_path.name.partition("_gtFine_")
    return label_path.with_name(frame + INSTANCES_SUFFIX) if marker else None


def to_classes(label_ids: NDArray[np.uint8]) -> imaging.LabelMap:
    """Turn label ids (H, W) into the 19 classes; all ids that are not scored become void."""
    return np.asarray(_CLASS_OF[label_ids])


def to_label_ids(classes: imaging.LabelMap) -> NDArray[np.uint8]:
    """Turn classes (H, W) into label ids, as the test server wants them; void becomes 0."""
    return np.asarray(_ID_OF[classes])


def read_classes(path: Path) -> imaging.LabelMap:
    """Read a label map in the coding that its name tells: (H, W) uint8, 0..18, 255 void.

    Raises:
        ValueError: Not such a file, or numbers that its coding does not have.
    """
    if not path.name.endswith(CLASSES_SUFFIX):
        return to_classes(read_label_ids(path))
    classes = imaging.read_label_map(path)
    found = _found(classes)
    strange = [value for value in found if len(CITYSCAPES.class_names) <= value != VOID]
    if strange:
        raise ValueError(
            f"{path}: {_some(strange)} are no train ids (0..18, 255): these look like label ids, "
            f"which belong into a file called {IDS_SUFFIX.lstrip('_')}"
        )
    return classes


def read_label_ids(path: Path) -> NDArray[np.uint8]:
    """Read the label ids of a file of label ids or instance ids: (H, W) uint8, 0..33.

    Raises:
        ValueError: Not such a file, or numbers that are no such ids.
    """
    if path.name.endswith(INSTANCES_SUFFIX):
        return ids_of_instances(read_instances(path))
    label_ids = imaging.read_label_map(path)
    check_label_ids(label_ids, str(path))
    return label_ids


def check_label_ids(label_ids: NDArray[np.uint8], name: str) -> None:
    """Refuse numbers that are no label ids of Cityscapes.

    Raises:
        ValueError: There are some; the message names them, and says if these seem to be train ids.
    """
    found = _found(label_ids)
    strange = [value for value in found if value >= _NUM_IDS]
    if strange:
        hint = ""
        if strange == [VOID] and all(value <= 18 for value in found[:-1]):
            hint = "; these look like train ids (0..18, 255), which are another coding"
        raise ValueError(
            f"{name}: {_some(strange)} are no label ids of Cityscapes (0..{_NUM_IDS - 1}){hint}"
        )


def read_instances(path: Path) -> NDArray[np.uint16]:
    """Read a file of instance ids: (H, W) uint16.

    Raises:
        ValueError: Not such a file, or numbers that are no such ids.
    """
    try:
        with Image.open(path) as image:
            image.load()
            mode, values = image.mode, np.asarray(image)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: not a picture, or damaged ({error})") from error
    if not (mode.startswith("I") or mode == "L"):
        raise ValueError(f"{path}: a {mode} picture; instance ids are a grey PNG of 16 bits")
    found = np.unique(values)
    label_ids = np.where(found >= OBJECTS_FROM, found // OBJECTS_FROM, found)
    strange = found[(label_ids < 0) | (label_ids >= _NUM_IDS)].tolist()
    if strange:
        raise ValueError(
            f"{path}: {_some(strange)} are no instance ids of Cityscapes (a label id of "
            f"0..{_NUM_IDS - 1}, or 1000 times one and a counter)"
        )
    return values.astype(np.uint16)


def ids_of_instances(instances: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """Give the label id of each instance id: (H, W) uint8."""
    label_ids = np.where(instances >= OBJECTS_FROM, instances // OBJECTS_FROM, instances)
    return label_ids.astype(np.uint8)


def find_predictions(folder: Path) -> dict[str, list[Path]]:
    """List predicted label maps by their frames: all `FRAME*.png` in a folder and below it.

    Raises:
        ValueError: No such folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder; it holds predictions, FRAME*.png")
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.rglob("*.png")):
        frame = frame_of(path.name)
        if frame is not None:
            found.setdefault(frame, []).append(path)
    return found


def only_prediction(found: Mapping[str, list[Path]], frame: str, folder: Path) -> Path:
    """Give the one predicted label map of a frame.

    Raises:
        ValueError: There is none, or there are several, which the test server refuses too.
    """
    paths = found.get(frame, [])
    if len(paths) != 1:
        several = f"{len(paths)} predictions ({', '.join(path.name for path in paths)})"
        raise ValueError(
            f"{folder}: {several if paths else 'no prediction'} for {frame}; one file {frame}*.png "
            "is wanted for each picture"
        )
    return paths[0]


def _found(values: NDArray[np.uint8]) -> list[int]:
    counts = np.bincount(values.ravel(), minlength=VOID + 1)
    return [int(value) for value in np.flatnonzero(counts)]


def _some(values: list[int]) -> str:
    return ", ".join(map(str, values[:_MOST_SHOWN])) + (
        ", ..." if len(values) > _MOST_SHOWN else ""
    )
