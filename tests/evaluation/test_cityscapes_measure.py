from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab.data import cityscapes_files as files
from deeplab.evaluation import score_cityscapes_folders
from deeplab.evaluation.cityscapes_measure import CityscapesMeasure
from deeplab.evaluation.measure import PictureResult

FRAMES = ("aachen_000000_000019", "bonn_000001_000019")


@pytest.fixture
def measured(tmp_path: Path) -> CityscapesMeasure:
    """Two pictures, measured, and in files: true ids in `gtFine`, predictions in `results`."""
    measure, random = CityscapesMeasure(), np.random.default_rng(0)
    (tmp_path / "gtFine").mkdir()
    (tmp_path / "results").mkdir()
    for frame in FRAMES:
        ids = random.choice([*range(34), 24001, 25003, 26000, 26007, 33002], (12, 20))
        instances = ids.repeat(2, axis=0).astype(np.uint16)
        label_ids = files.ids_of_instances(instances)
        labels = files.to_classes(np.roll(label_ids, 1, axis=0))
        labels[labels == 255] = 13
        label_path = tmp_path / "gtFine" / f"{frame}_gtFine_labelIds.png"
        Image.fromarray(label_ids).save(label_path)
        Image.fromarray(instances).save(tmp_path / "gtFine" / f"{frame}_gtFine_instanceIds.png")
        Image.fromarray(files.to_label_ids(labels)).save(tmp_path / "results" / f"{frame}.png")
        truth = files.to_classes(label_ids)
        measure.add(PictureResult(frame, truth, labels, label_path=label_path))
    return measure


def test_classes_measured_are_scored_as_label_ids_in_files_are(measured, tmp_path):
    in_files = score_cityscapes_folders(tmp_path / "results", tmp_path / "gtFine")
    assert measured.result() == in_files
    assert len(in_files.class_iiou) == 8


def test_a_measure_goes_on_from_its_state(measured):
    again = CityscapesMeasure()
    again.restore(measured.state())
    assert again.result() == measured.result()


def test_without_instance_ids_beside_the_label_maps_there_is_no_iiou(tmp_path):
    labels = np.full((3, 3), 13, np.uint8)
    for label_path in (None, tmp_path / "a.png", tmp_path / f"{FRAMES[0]}_gtFine_labelIds.png"):
        measure = CityscapesMeasure()
        measure.add(PictureResult("a", labels, labels, label_path=label_path))
        assert measure.result().class_iou["car"] == 1
        assert measure.result().class_iiou == {}
