import numpy as np
import pytest
from PIL import Image

from deeplab import drawing
from deeplab.labels import VOC12
from deeplab.rasters import RowLayout, TiffFile

tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")


def write(path, rows, **options):
    file = TiffFile(path, RowLayout(*rows.shape[:2], **options))
    for start in range(0, len(rows), 100):
        file.write(rows[start : start + 100])
    file.finish()


def noise(*shape, most=256, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, most, shape).astype(dtype)


@pytest.mark.parametrize("size", [(1, 1), (256, 512), (300, 257), (513, 20)])
def test_a_label_map_has_its_values_and_colours(tmp_path, size):
    labels = noise(*size, most=21)
    path = tmp_path / "a.tif"
    write(path, labels, colours=drawing.colour_table(np.uint8, VOC12.palette))
    np.testing.assert_array_equal(tifffile.imread(path), labels)
    with Image.open(path) as image:  # another reader
        assert image.mode == "P"
        np.testing.assert_array_equal(np.asarray(image), labels)
        expected = np.array(VOC12.palette, np.uint8)[labels]
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_bands_lie_one_behind_the_other(tmp_path, dtype):
    rows = noise(270, 300, 5, most=np.iinfo(dtype).max + 1, dtype=dtype)
    write(tmp_path / "a.tif", rows, num_bands=5, dtype=dtype)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "a.tif"), rows.transpose(2, 0, 1))
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.is_bigtiff
        assert (file.pages[0].planarconfig, file.pages[0].is_tiled) == (2, True)


def test_gdal_reads_it_too(tmp_path):
    rasterio = pytest.importorskip("rasterio", reason="needs the geo extra")
    rows = noise(270, 300, 3)
    write(tmp_path / "a.tif", rows, num_bands=3)
    with (
        pytest.warns(rasterio.errors.NotGeoreferencedWarning),
        rasterio.open(tmp_path / "a.tif") as file,
    ):
        np.testing.assert_array_equal(file.read(), rows.transpose(2, 0, 1))
