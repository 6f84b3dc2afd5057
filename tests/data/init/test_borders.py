import numpy as np
import pytest

from deeplab.data.init.borders import runs_along_borders
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import Survey, look_at, sum_up


def survey_of(labels: np.ndarray) -> Survey:
    counts = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    touching: dict = {}
    for one, other in ((labels[1:], labels[:-1]), (labels[:, 1:], labels[:, :-1])):
        for pair in zip(one.ravel().tolist(), other.ravel().tolist(), strict=True):
            if pair[0] != pair[1]:
                touching[min(pair), max(pair)] = touching.get((min(pair), max(pair)), 0) + 1
    return Survey(counts, False, {}, touching)


def tiles(size: int = 90) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    return (rows // 30 + 2 * (columns // 30)) % 4


def test_a_seam_between_all_classes_runs_along_borders():
    labels = tiles()
    labels[::30] = labels[:, ::30] = 4
    assert runs_along_borders(survey_of(labels), 4)


def test_no_class_of_plain_tiles_runs_along_borders():
    assert not any(runs_along_borders(survey_of(tiles()), value) for value in range(4))


def test_a_thin_class_within_one_other_is_no_void():
    labels = tiles()
    labels[15, :30] = labels[75, 5:25] = 4
    assert not runs_along_borders(survey_of(labels), 4)


def test_a_large_class_is_no_void():
    labels = tiles()
    labels[:20] = 4
    assert not runs_along_borders(survey_of(labels), 4)


def test_a_value_that_does_not_occur_is_no_void():
    assert not runs_along_borders(survey_of(tiles()), 9)


@pytest.mark.parametrize(
    ("folder", "void"), [("camvid/masks/train", 11), ("coco_voc20/SegmentationClass", None)]
)
def test_of_real_label_maps_only_void_runs_along_borders(folder, void, real_data):
    paths = sorted((real_data / folder).glob("*.png"))[::8]
    pictures = real_data / folder.replace("masks", "images").replace(
        "SegmentationClass", "JPEGImages"
    )
    items = [Item(path.stem, pictures / f"{path.stem}.jpg", path) for path in paths]
    survey = sum_up(look_at(items))
    found = [value for value in survey.counts if runs_along_borders(survey, value)]
    assert [value for value in found if value not in (2, 255)] == ([void] if void else [])
