import io

import numpy as np
import pytest
from PIL import Image

from deeplab import drawing, imaging
from deeplab.labels import VOC12
from deeplab.rasters import PngFile, RowLayout


def written(path, rows, **options):
    file = PngFile(path, RowLayout(*rows.shape[:2], **options))
    for start in range(0, len(rows), 7):
        file.write(rows[start : start + 7])
    file.finish()
    with Image.open(path) as image:
        image.load()
        return image


def noise(*shape, most=256, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, most, shape).astype(dtype)


def test_a_label_map_is_the_picture_that_pillow_writes_at_once(tmp_path):
    labels = noise(33, 41, most=21)
    labels[3] = 255
    colours = drawing.colour_table(np.uint8, VOC12.palette)
    found = written(tmp_path / "a.png", labels, colours=colours)
    expected = Image.open(io.BytesIO(drawing.encode_label_map(labels, VOC12.palette)))
    assert found.mode == expected.mode == "P"
    assert found.tobytes() == expected.tobytes()
    assert found.convert("RGB").tobytes() == expected.convert("RGB").tobytes()


@pytest.mark.parametrize("num_bands", [3, 4])
def test_colours_are_those_that_were_written(tmp_path, num_bands):
    rows = noise(20, 31, num_bands)
    found = written(tmp_path / "a.png", rows, num_bands=num_bands)
    np.testing.assert_array_equal(np.asarray(found), rows)


def test_sixteen_bits_are_read_as_a_label_map(tmp_path):
    labels = noise(9, 8, most=65536, dtype=np.uint16)
    written(tmp_path / "a.png", labels, dtype=np.uint16)
    np.testing.assert_array_equal(imaging.read_label_map(tmp_path / "a.png"), labels)


def test_a_file_of_many_chunks_is_whole(tmp_path):
    rows = noise(1500, 1000)
    np.testing.assert_array_equal(np.asarray(written(tmp_path / "a.png", rows)), rows)
