import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image, ImageOps

from deeplab.data.checks.remake import resize_nearest, turn_upright

LABELS = np.random.default_rng(0).integers(0, 9, (5, 8), dtype=np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_label_maps_are_turned_as_pillow_turns_photos(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(LABELS).save(tmp_path / "x.png", exif=exif)
    with Image.open(tmp_path / "x.png") as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert_array_equal(turn_upright(LABELS, orientation), expected)


@pytest.mark.parametrize("size", [(5, 8), (10, 16), (3, 4), (7, 29), (1, 1)])
# Sizes in which no pixel lies just between two: Pillow rounds these either way.
def test_resizing_takes_the_pixels_that_pillow_takes(size):
    expected = Image.fromarray(LABELS).resize(size[::-1], Image.Resampling.NEAREST)
    assert_array_equal(resize_nearest(LABELS, size), np.asarray(expected))
