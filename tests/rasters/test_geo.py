import errno

import numpy as np
import pytest

from deeplab import imaging
from deeplab.rasters import GeoFile, Reading, RowLayout, needs_parts, open_raster
from deeplab.rasters.geo_raster import GeoRaster

rasterio = pytest.importorskip("rasterio", reason="needs the geo extra")

MEMORY = 10**9
VALUES = np.random.default_rng(0).integers(1, 256, (4, 70, 90), dtype=np.uint8)


def place():
    from rasterio.crs import CRS
    from rasterio.transform import from_origin

    return {"crs": CRS.from_epsg(32633), "transform": from_origin(399960, 5300040, 10, 10)}


def write(path, values, **options):
    count, height, width = values.shape
    with rasterio.open(
        path, "w", driver="GTiff", height=height, width=width, count=count,
        dtype=values.dtype, **place(), **options,
    ) as file:  # fmt: skip
        file.write(values)
    return path


def test_a_geotiff_is_known_and_read_in_parts(tmp_path):
    path = write(tmp_path / "a.tif", VALUES, photometric="MINISBLACK", ALPHA="UNSPECIFIED")
    assert needs_parts(path)
    with open_raster(path, Reading(bands=(4, 3, 1)), memory=MEMORY) as raster:
        assert isinstance(raster, GeoRaster)
        assert raster.read_valid(0, 70) is None
        np.testing.assert_array_equal(
            raster.read(9, 50), VALUES[[3, 2, 0], 9:50].transpose(1, 2, 0)
        )


def test_pixels_of_the_nodata_value_are_not_valid(tmp_path):
    values = VALUES[:3].copy()
    values[:, 20:30, 40:60] = 0
    path = write(tmp_path / "a.tif", values, nodata=0)
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        valid = raster.read_valid(10, 40)
    expected = np.ones((30, 90), bool)
    expected[10:20, 40:60] = False
    np.testing.assert_array_equal(valid, expected)


def test_blocks_that_a_sparse_file_leaves_out_are_not_valid(tmp_path):
    options = {"tiled": True, "blockxsize": 32, "blockysize": 16, "SPARSE_OK": True}
    path = tmp_path / "a.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=70, width=90, count=3, dtype="uint8", **place(), **options
    ) as file:
        file.write(VALUES[:3, 16:48, 32:], window=rasterio.windows.Window(32, 16, 58, 32))
    expected = np.zeros((70, 90), bool)
    expected[16:48, 32:] = True
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        for top, bottom in [(0, 70), (20, 60), (5, 9)]:
            np.testing.assert_array_equal(raster.read_valid(top, bottom), expected[top:bottom])
        assert raster.read_valid(16, 16) is None
        np.testing.assert_array_equal(raster.read(16, 48)[:, :32], 0)


@pytest.mark.parametrize("kind", ["NON-PREMULTIPLIED", "PREMULTIPLIED"])
def test_transparent_pixels_lie_on_white_as_pillow_lays_them(tmp_path, kind):
    values = VALUES.copy()
    values[3, 30:60, 10:50] = 0
    path = write(tmp_path / "a.tif", values, photometric="RGB", ALPHA=kind)
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(5, 66), imaging.read_picture(path)[5:66])
        np.testing.assert_array_equal(raster.read_valid(5, 66), values[3, 5:66] > 0)
    with open_raster(path, Reading(bands=(3, 2, 1)), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(5, 66), values[2::-1, 5:66].transpose(1, 2, 0))


@pytest.mark.parametrize("height", [70, 256, 300])
def test_what_is_written_lies_at_the_same_place(tmp_path, height):
    labels = np.random.default_rng(0).integers(0, 3, (height, 90), dtype=np.uint8)
    colours = [(0, 0, 0), (255, 0, 0), (0, 255, 9)]
    layout = RowLayout(height, 90, colours=colours)
    file = GeoFile(tmp_path / "a.tif", layout, place=place(), nodata=255)
    for start in range(0, height, 33):
        file.write(labels[start : start + 33])
    file.finish()
    with rasterio.open(tmp_path / "a.tif") as found:
        assert (found.crs, found.transform) == (place()["crs"], place()["transform"])
        assert found.nodata == 255
        assert found.colormap(1)[2] == (0, 255, 9, 255)
        np.testing.assert_array_equal(found.read(1), labels)


def test_bands_have_names_and_a_scale(tmp_path):
    rows = VALUES.transpose(1, 2, 0)
    layout = RowLayout(70, 90, num_bands=4)
    file = GeoFile(tmp_path / "a.tif", layout, place=place(), descriptions="abcd", scale=1 / 255)
    file.write(rows)
    file.finish()
    with rasterio.open(tmp_path / "a.tif") as found:
        assert found.descriptions == ("a", "b", "c", "d")
        assert found.scales == (1 / 255,) * 4
        np.testing.assert_array_equal(found.read(), VALUES)


def test_a_file_whose_end_the_disk_does_not_take_is_an_error_though_gdal_tells_none(tmp_path):
    resource = pytest.importorskip("resource", reason="this system limits no files")
    values = np.random.default_rng(0).integers(0, 256, (256, 700), dtype=np.uint8)

    def save(name):
        file = GeoFile(tmp_path / name, RowLayout(*values.shape), place=place())
        file.write(values)
        file.finish()

    save("whole.tif")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    for missing in (1, 400):
        most = (tmp_path / "whole.tif").stat().st_size - missing
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
        try:
            with pytest.raises(OSError, match=r"error|space") as caught:
                save("cut.tif")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert caught.value.errno in (errno.EIO, errno.ENOSPC)
