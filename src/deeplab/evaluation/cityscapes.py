"""The scores of Cityscapes: IoU of classes and categories, and iIoU, which weighs objects.

The rules are those of cityscapesscripts (evalPixelLevelSemanticLabeling.py), number by number:
pixels whose true label is none of the 19 classes are left out, but a label that is not scored may
be predicted and is then wrong. A class or category that neither occurs nor was predicted has the
score NaN and is left out of the means: not 0, as VOC's devkit has it.

iIoU (instance-weighted): of the classes whose objects are told apart, the true pixels of an object
count (average size of the class / size of the object) each, so that small objects count as much as
large ones. Wrongly predicted pixels belong to no object and count 1.
"""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.data import cityscapes_files as files
from deeplab.evaluation.cityscapes_scores import CityscapesScores
from deeplab.labels import CITYSCAPES_CATEGORIES, CITYSCAPES_LABELS

AVERAGE_SIZES = {
    "person": 3462.4756337644,
    "rider": 3930.4788056518,
    "car": 12794.0202738185,
    "truck": 27855.1264367816,
    "bus": 35732.1511111111,
    "train": 67583.7075812274,
    "motorcycle": 6298.7200839748,
    "bicycle": 4672.3249222261,
}
"""Pixels of an object of each class on average, as cityscapesscripts has them."""

_LABELS = tuple(label for label in CITYSCAPES_LABELS if label.label_id >= 0)
_SCORED = tuple(label for label in _LABELS if label.is_scored)
_CATEGORY_OF = np.array(
    [(*CITYSCAPES_CATEGORIES, "void").index(label.category) for label in _LABELS]
)
_OBJECT_CATEGORIES = tuple(
    category
    for category in CITYSCAPES_CATEGORIES
    if all(label.has_instances for label in _LABELS if label.category == category)
)
_OBJECTS = (*AVERAGE_SIZES, *_OBJECT_CATEGORIES)
_ID_OF = {label.name: label.label_id for label in _SCORED}


class CityscapesCounts:
    """Pixel counts by true and predicted label id, and of objects, summed picture by picture.

    Attributes:
        counts: (34, 34) int64; row the true label id, column the predicted one.
        num_pictures: How many pictures were added.
    """

    def __init__(self) -> None:
        self.counts: NDArray[np.int64] = np.zeros((len(_LABELS), len(_LABELS)), np.int64)
        self.num_pictures = 0
        self._num_with_instances = 0
        # Weighted pixels of objects, found and missed, by class and category.
        self._objects: NDArray[np.float64] = np.zeros((len(_OBJECTS), 2))

    def add(
        self,
        truth: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
        *,
        picture_name: str,
        instances: NDArray[np.uint16] | None = None,
    ) -> None:
        """Count one picture.

        Args:
            truth: True label ids (H, W), 0..33.
            predicted: Predicted label ids (H, W), 0..33.
            picture_name: What error messages call this picture.
            instances: True instance ids (H, W), for iIoU: of all pictures or of none.

        Raises:
            ValueError: Sizes differ, or numbers are no label ids; nothing was counted.
        """
        self._check(truth, predicted, instances, picture_name)
        pairs = truth.astype(np.intp) * len(_LABELS) + predicted
        num_pairs = np.bincount(pairs.ravel(), minlength=len(_LABELS) ** 2)
        self.counts += num_pairs.reshape(self.counts.shape)
        self.num_pictures += 1
        if instances is not None:
            self._num_with_instances += 1
            self._add_objects(predicted, instances)

    def state(self) -> dict[str, NDArray[Any]]:
        """Give all sums so far; those of two parts of a data set can be added up."""
        pictures = np.array([self.num_pictures, self._num_with_instances])
        return {"counts": self.counts.copy(), "objects": self._objects.copy(), "pictures": pictures}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from sums that `state` gave."""
        self.counts[...], self._objects[...] = state["counts"], state["objects"]
        self.num_pictures, self._num_with_instances = state["pictures"].tolist()

    def scores(self) -> CityscapesScores:
        """Read the scores off the counts so far.

        Raises:
            ValueError: There were instance ids for some pictures only.
        """
        has_instances = self._num_with_instances > 0
        if has_instances and self._num_with_instances < self.num_pictures:
            raise ValueError(
                f"instance ids of {self._num_with_instances} of {self.num_pictures} pictures; iIoU "
                f"needs those of all (*{files.INSTANCES_SUFFIX} beside the label maps), or of none"
            )
        return CityscapesScores(
            class_iou={label.name: self._iou([label.label_id]) for label in _SCORED},
            class_iiou={
                name: self._iiou(name, self._wrong([_ID_OF[name]]))
                for name in AVERAGE_SIZES
                if has_instances
            },
            category_iou={name: self._iou(_ids(name)) for name in CITYSCAPES_CATEGORIES},
            category_iiou={
                name: self._iiou(
                    name, self._wrong(_ids(name), predicted=_ids(name, with_unscored=True))
                )
                for name in _OBJECT_CATEGORIES
                if has_instances
            },
            num_pictures=self.num_pictures,
        )

    def _iou(self, label_ids: list[int]) -> float:
        hits = int(self.counts[np.ix_(label_ids, label_ids)].sum())
        missed = int(self.counts[label_ids].sum()) - hits
        found = hits + self._wrong(label_ids) + missed
        return hits / found if found else math.nan

    def _iiou(self, name: str, wrong: int) -> float:
        hits, missed = self._objects[_OBJECTS.index(name)].tolist()
        found = hits + wrong + missed
        return float(hits / found) if found else math.nan

    def _wrong(self, label_ids: list[int], *, predicted: list[int] | None = None) -> int:
        """Count the pixels that were called so but are another class."""
        others = [label.label_id for label in _SCORED if label.label_id not in label_ids]
        return int(self.counts[np.ix_(others, predicted or label_ids)].sum())

    def _add_objects(self, predicted: NDArray[np.uint8], instances: NDArray[np.uint16]) -> None:
        is_object = instances > files.OBJECTS_FROM
        objects, which = np.unique(instances[is_object], return_inverse=True)
        label_ids = objects // files.OBJECTS_FROM
        found = predicted[is_object]
        sizes = np.bincount(which, minlength=len(objects))
        hits = np.bincount(which[found == label_ids[which]], minlength=len(objects))
        category_hits = np.bincount(
            which[_CATEGORY_OF[found] == _CATEGORY_OF[label_ids][which]], minlength=len(objects)
        )
        for index, label_id in enumerate(label_ids):  # one by one, to add up in the same order
            label = _LABELS[label_id]
            if label.name not in AVERAGE_SIZES:
                continue
            size = int(sizes[index])
            weight = AVERAGE_SIZES[label.name] / size
            for name, hit in ((label.name, hits[index]), (label.category, category_hits[index])):
                self._objects[_OBJECTS.index(name)] += (hit * weight, (size - hit) * weight)

    def _check(
        self,
        truth: NDArray[np.uint8],
        predicted: NDArray[np.uint8],
        instances: NDArray[np.uint16] | None,
        name: str,
    ) -> None:
        for what, others in (("predicted label map", predicted), ("instance ids", instances)):
            if others is not None and others.shape != truth.shape:
                raise ValueError(
                    f"{name}: the true label map is {_size(truth)} pixels, the {what} "
                    f"{_size(others)}; every picture needs a label map of its own size"
                )
        files.check_label_ids(truth, f"{name}, true label map")
        files.check_label_ids(predicted, f"{name}, predicted label map")


def score_cityscapes_folders(
    predictions_dir: Path,
    truth_dir: Path,
    *,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> CityscapesScores:
    """Score label maps in files, as the test server does.

    Args:
        predictions_dir: Holds one `FRAME*.png` of label ids for each true label map, at any depth.
        truth_dir: Holds `FRAME_gtFine_labelIds.png` at any depth, and the instance ids beside them.
        progress: Called with pictures done and pictures in all.

    Raises:
        ValueError: No true label maps, none or several predictions for one, or files are wrong.
    """
    truths = sorted(truth_dir.rglob(f"*{files.IDS_SUFFIX}"))
    if not truths:
        raise ValueError(f"{truth_dir}: no label maps (FRAME{files.IDS_SUFFIX}) below it")
    predictions = files.find_predictions(predictions_dir)
    counts = CityscapesCounts()
    for done, path in enumerate(truths, start=1):
        frame = files.frame_of(path.name) or path.name
        instances = files.instances_path(path)
        counts.add(
            files.read_label_ids(path),
            imaging.read_label_map(files.only_prediction(predictions, frame, predictions_dir)),
            picture_name=frame,
            instances=files.read_instances(instances)
            if instances is not None and instances.is_file()
            else None,
        )
        progress(done, len(truths))
    return counts.scores()


def _ids(category: str, *, with_unscored: bool = False) -> list[int]:
    labels = _LABELS if with_unscored else _SCORED
    return [label.label_id for label in labels if label.category == category]


def _size(labels: NDArray[Any]) -> str:
    return "x".join(str(length) for length in reversed(labels.shape))
