from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from deeplab.data.checks.raw_labels import look_at_labels, read_raw
from deeplab.data.checks.recoding import (
    UNKNOWN,
    colours_recoding,
    packed,
    recoding,
    snapping,
    unpacked,
    values_recoding,
)
from deeplab.data.coding import LabelCoding
from deeplab.data.description import DataDescription
from deeplab.labels import LabelSet, named

TRAFFIC = LabelSet("traffic", ("sky", "road", "sky too"), ((9, 9, 9), (200, 0, 0), (9, 9, 9)))


def saved(tmp_path: Path, values: np.ndarray, suffix: str = ".png") -> Path:
    Image.fromarray(values).save(tmp_path / f"x{suffix}")
    return tmp_path / f"x{suffix}"


def test_values_become_labels_and_others_are_unknown(tmp_path):
    values = np.array([[0, 10, 20], [255, 7, 10]], np.uint8)
    known = recoding("values", {0: 2, 10: 1, 255: 255})
    path = saved(tmp_path, values)
    assert_array_equal(known.decode(read_raw(path)), [[2, 1, UNKNOWN], [255, UNKNOWN, 1]])
    assert known.unknown_share(look_at_labels(path)) == pytest.approx(2 / 6)
    labels, num_unknown = known.read(path, 3)
    assert_array_equal(labels, [[2, 1, 255], [255, 255, 1]])
    assert (labels.dtype, num_unknown) == (np.uint8, 2)


@pytest.mark.parametrize("coding", [LabelCoding(), LabelCoding((3, 1, 0), (7, 9))])
def test_a_description_means_here_what_it_means_when_label_maps_are_read(tmp_path, coding):
    description = DataDescription(tmp_path, TRAFFIC, {}, coding)
    for dtype, most in ((np.uint8, 255), (np.uint16, 65535)):
        path = saved(tmp_path, np.arange(most + 1, dtype=dtype)[np.newaxis])
        table = coding.table(3, most=most)
        assert_array_equal(values_recoding(description).decode(read_raw(path))[0], table)


def test_void_of_very_many_classes_is_65535():
    label_set = named([f"c{number}" for number in range(300)])
    known = values_recoding(DataDescription(Path(), label_set))
    assert known.codes.tolist() == [*range(300), 65535]
    assert known.labels.tolist() == [*range(300), 65535]
    narrow = values_recoding(DataDescription(Path(), label_set), most=255)
    assert narrow.labels.tolist() == [*range(255), 65535]


def test_of_two_classes_of_one_colour_the_first_counts(tmp_path):
    known = colours_recoding(DataDescription(tmp_path, TRAFFIC))
    picture = np.array([[(9, 9, 9), (200, 0, 0), (224, 224, 192), (1, 1, 1)]], np.uint8)
    assert_array_equal(known.decode(read_raw(saved(tmp_path, picture))), [[0, 1, 255, UNKNOWN]])


def test_grey_colours_are_colours_too(tmp_path):
    known = colours_recoding(DataDescription(tmp_path, TRAFFIC))
    picture = np.full((2, 2, 3), 9, np.uint8)
    assert_array_equal(known.decode(read_raw(saved(tmp_path, picture))), np.zeros((2, 2)))


def test_near_values_are_snapped_and_those_between_stay_unknown(tmp_path):
    snapped = snapping(recoding("values", {0: 0, 255: 1}))
    assert snapped is not None
    values = np.array([[0, 50, 51, 128, 204, 205, 255]], np.uint8)
    decoded = snapped.decode(read_raw(saved(tmp_path, values)))
    assert_array_equal(decoded, [[0, 0, -1, -1, -1, 1, 1]])


def test_snapping_decides_by_the_nearest_code_like_a_slow_search(tmp_path):
    known = recoding("colours", {0x000000: 0, 0x800000: 1, 0x008000: 2, 0xE0E0C0: 255})
    snapped = snapping(known)
    assert snapped is not None
    picture = np.random.default_rng(0).integers(0, 256, (20, 20, 3), dtype=np.uint8)
    decoded = snapped.decode(read_raw(saved(tmp_path, picture)))
    for pixel, label in zip(picture.reshape(-1, 3).astype(int), decoded.ravel(), strict=True):
        distances = [
            max(abs(a - b) for a, b in zip(pixel, unpacked(code), strict=True))
            for code in known.codes.tolist()
        ]
        nearest = int(np.argmin(distances))
        is_near = distances[nearest] <= snapped.tolerance
        assert label == (known.labels[nearest] if is_near else UNKNOWN)


def test_ids_lie_too_near_to_each_other_to_be_snapped():
    assert snapping(recoding("values", {0: 0, 1: 1, 255: 255})) is None


def test_colours_are_packed_and_unpacked():
    assert unpacked(packed((1, 20, 255))) == (1, 20, 255)
