import numpy as np
import pytest
from PIL import Image

from deeplab.data import cityscapes_files as files
from deeplab.labels import CITYSCAPES_LABELS


def test_frames_are_what_names_begin_with(tmp_path):
    frame = "aachen_000000_000019"
    for ending in ("_leftImg8bit.png", "_gtFine_labelIds.png", ".png", "_pred_a_b.png"):
        assert files.frame_of(frame + ending) == frame
    for name in ("aachen_0_0.png", "aachen.png", "2007_000001.png", "aachen_000000_0000191.png"):
        assert files.frame_of(name) is None
    label_path = tmp_path / f"{frame}_gtFine_labelTrainIds.png"
    assert files.instances_path(label_path) == tmp_path / f"{frame}_gtFine_instanceIds.png"
    assert files.instances_path(tmp_path / "2007_000001.png") is None


def test_instance_ids_give_the_label_ids_of_the_real_files(real_data):
    paths = sorted((real_data / "formats" / "cityscapes").rglob("*_labelIds.png"))
    assert len(paths) == 6
    for path in paths:
        instances = files.instances_path(path)
        assert instances is not None
        assert np.array_equal(files.read_label_ids(path), files.read_label_ids(instances))


def test_wrong_files_say_what_is_wrong(tmp_path):
    path = tmp_path / "a_000000_000000_gtFine_instanceIds.png"
    path.write_bytes(b"no picture")
    with pytest.raises(ValueError, match="not a picture, or damaged"):
        files.read_instances(path)
    Image.new("RGB", (2, 2)).save(path)
    with pytest.raises(ValueError, match="a RGB picture; instance ids are a grey PNG of 16 bits"):
        files.read_instances(path)
    Image.fromarray(np.array([[7, 40, 34000, 26001]], np.uint16)).save(path)
    with pytest.raises(ValueError, match="40, 34000 are no instance ids of Cityscapes"):
        files.read_instances(path)
    path = tmp_path / "a_000000_000000_gtFine_labelTrainIds.png"
    Image.fromarray(np.array([[7, 26, 33]], np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"26, 33 are no train ids .* look like label ids"):
        files.read_classes(path)
    path = tmp_path / "a_000000_000000_gtFine_labelIds.png"
    Image.new("RGB", (2, 2)).save(path)
    with pytest.raises(ValueError, match="a RGB picture holds colours"):
        files.read_classes(path)


def test_the_labels_are_those_of_cityscapesscripts():
    theirs = pytest.importorskip("cityscapesscripts.helpers.labels").labels
    assert len(CITYSCAPES_LABELS) == len(theirs)
    for ours, label in zip(CITYSCAPES_LABELS, theirs, strict=True):
        assert (ours.name, ours.label_id, ours.category) == (label.name, label.id, label.category)
        assert ours.colour == label.color
        assert ours.has_instances == label.hasInstances
        assert ours.is_scored != label.ignoreInEval
        if label.id >= 0:
            assert files.to_classes(np.array([[label.id]], np.uint8)) == label.trainId
