import numpy as np
import pytest
from PIL import Image

from deeplab.data.coding import PLAIN, LabelCoding
from deeplab.labels import voc_palette


def write(tmp_path, values, dtype=np.uint8):
    path = tmp_path / "map.png"
    Image.fromarray(np.asarray(values, dtype)).save(path)
    return path


def test_plain_values_are_label_ids_and_255_is_void(tmp_path):
    path = write(tmp_path, [[0, 1], [2, 255]])
    assert PLAIN.read(path, 3).tolist() == [[0, 1], [2, 255]]


def test_a_class_takes_the_value_it_is_given(tmp_path):
    coding = LabelCoding(values=(0, 200), void=(7,))
    path = write(tmp_path, [[200, 0, 7, 255]])
    assert coding.read(path, 2).tolist() == [[1, 0, 255, 255]]


def test_255_may_be_a_class_as_in_binary_label_maps(tmp_path):
    assert LabelCoding(values=(0, 255)).read(write(tmp_path, [[0, 255]]), 2).tolist() == [[0, 1]]


def test_values_beside_the_classes_may_be_void(tmp_path):
    path = write(tmp_path, [[0, 10, 11]])
    assert LabelCoding(void=(11,)).read(path, 11).tolist() == [[0, 10, 255]]


def test_label_maps_of_more_than_255_classes_have_16_bits_and_void_65535(tmp_path):
    labels = PLAIN.read(write(tmp_path, [[0, 255, 299, 65535]], np.uint16), 300)
    assert labels.dtype == np.uint16
    assert labels.tolist() == [[0, 255, 299, 65535]]


def test_of_more_than_255_classes_a_file_of_8_bits_holds_the_first(tmp_path):
    labels = PLAIN.read(write(tmp_path, [[0, 254, 255]]), 300)
    assert labels.dtype == np.uint16
    assert labels.tolist() == [[0, 254, 65535]]


def test_few_classes_may_come_in_16_bits_with_either_void(tmp_path):
    labels = PLAIN.read(write(tmp_path, [[0, 1, 255, 65535]], np.uint16), 2)
    assert labels.dtype == np.uint8
    assert labels.tolist() == [[0, 1, 255, 255]]
    coding = LabelCoding(values=(7, 1000), void=(300,))
    assert coding.read(write(tmp_path, [[7, 1000, 300]], np.uint16), 2).tolist() == [[0, 1, 255]]


def test_an_id_beyond_300_classes_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"ids 300, but there are 300 .* and void \(65535\)"):
        PLAIN.read(write(tmp_path, [[0, 300]], np.uint16), 300)


@pytest.mark.parametrize(
    ("coding", "message"),
    [
        (PLAIN, r"map\.png: class ids 2, 9, but there are 2 classes \(0\.\.1\) and void \(255\)"),
        (LabelCoding(void=(9,)), r"class ids 2, but there are 2 classes"),
        (LabelCoding(values=(0, 9)), r"values 1, 2, but the classes have 0, 9 and void 255"),
    ],
)
def test_values_that_mean_nothing_are_named(tmp_path, coding, message):
    with pytest.raises(ValueError, match=message):
        coding.read(write(tmp_path, [[0, 1, 2, 9]]), 2)


def test_painted_label_maps_are_read_by_their_colours(tmp_path):
    sky, road, void = (10, 20, 30), (200, 0, 0), (0, 0, 0)
    coding = LabelCoding(colours=(sky, road), void_colours=(void,))
    path = write(tmp_path, [[road, sky, void, voc_palette()[255]]])
    assert coding.read(path, 2).tolist() == [[1, 0, 255, 255]]


def test_colours_that_mean_nothing_are_named(tmp_path):
    coding = LabelCoding(colours=((10, 20, 30),))
    with pytest.raises(ValueError, match=r"map\.png: colours \(0, 0, 0\) are not in the palette"):
        coding.read(write(tmp_path, [[(10, 20, 30), (0, 0, 0)]]), 1)
