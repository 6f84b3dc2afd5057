import numpy as np
from tests.data import faults
from tests.data.small_set import label_paths, make_set, picture_paths, write_labels

from deeplab import imaging
from deeplab.data.check import check
from deeplab.data.checks.sheet import choose, draw, present


def test_a_class_in_one_picture_is_shown_however_many_there_are(tmp_path):
    make_set(tmp_path, counts={"train": 40})
    for path in label_paths(tmp_path):
        labels = imaging.read_label_map(path)
        write_labels(path, np.where(labels == 2, 1, labels).astype(np.uint8))
    path = label_paths(tmp_path)[17]
    write_labels(path, np.full((48, 64), 2, np.uint8))
    chosen = choose(check(tmp_path), 4)
    assert chosen[0][2] == path  # rare ones first
    assert len(chosen) == 4


def test_pictures_come_from_all_over_the_set_and_none_twice(tmp_path):
    make_set(tmp_path, counts={"train": 30, "val": 10})
    chosen = [caption for caption, _, _ in choose(check(tmp_path), 8)]
    assert len(set(chosen)) == 8
    assert {caption.partition("/")[0] for caption in chosen} == {"train", "val"}


def test_what_is_present_is_named_the_largest_first(tmp_path):
    make_set(tmp_path)
    path = label_paths(tmp_path, "train")[0]
    labels = np.zeros((48, 64), np.uint8)
    labels[:30] = 2
    write_labels(path, labels)
    assert present(check(tmp_path), path) == "other, ground"


def test_the_overlay_of_a_coloured_label_map_is_that_of_its_ids(tmp_path):
    make_set(tmp_path / "ids", counts={"train": 6})
    (tmp_path / "colours").mkdir()
    faults.colour_masks(tmp_path / "colours")
    drawn = []
    for root in (tmp_path / "ids", tmp_path / "colours"):
        checked = check(root)
        assert checked.survey is not None
        assert checked.verdicts is not None
        path = label_paths(root)[0]
        label_set = checked.survey.description.label_set
        drawn.append(draw(picture_paths(root)[0], path, checked.verdicts.of[path], label_set))
    assert (drawn[0] == drawn[1]).all()
