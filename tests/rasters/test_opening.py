import os
import struct
import sys
import threading

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin, TiffTags

from deeplab import imaging
from deeplab.rasters import Reading, can_be_whole, is_raster, needs_parts, open_raster, opening

MEMORY = 10**9
PICTURE = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "LA", "1", "I;16", "CMYK"])
def test_what_pillow_reads_is_the_picture_that_all_others_see(tmp_path, mode):
    rgb = Image.fromarray(PICTURE)
    if mode == "I;16":
        image = Image.fromarray(PICTURE[..., 0].astype(np.uint16) * 200)
    else:
        image = (rgb.convert("RGBA") if mode == "LA" else rgb).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    path = path.with_suffix(".jpg") if mode == "CMYK" else path
    image.save(path)
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        rows = np.concatenate([raster.read(top, top + 12) for top in range(0, 60, 12)])
    np.testing.assert_array_equal(rows, imaging.read_picture(path))


def test_pictures_that_lie_on_their_side_are_turned(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    with open_raster(tmp_path / "a.png", Reading(), memory=MEMORY) as raster:
        assert (raster.height, raster.width) == (80, 60)
        np.testing.assert_array_equal(raster.read(0, 80), np.rot90(PICTURE, -1))


def test_more_pixels_than_pillow_allows_are_read_and_its_limit_stays(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    with open_raster(tmp_path / "a.png", Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(0, 60), PICTURE)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_what_does_not_fit_is_refused_before_it_is_decoded(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    with pytest.raises(
        ValueError, match=r"80x60 pixels, which have to be decoded at once, take .*"
    ):
        open_raster(tmp_path / "a.png", Reading(), memory=30_000)


def test_bands_and_ranges_are_of_rasters(tmp_path):
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="--bands and --value-range are of TIFF files"):
        open_raster(tmp_path / "a.png", Reading(value_range=(0, 100)), memory=MEMORY)
    with pytest.raises(ValueError, match="levels are of TIFF pyramids"):
        open_raster(tmp_path / "a.png", Reading(), level=1, memory=MEMORY)


def tiff_head(order, is_big, tags):
    """The head of a TIFF file with some tags of one 32-bit number."""
    mark = b"II" if order == "<" else b"MM"
    if is_big:
        head = struct.pack(order + "2sHHHQ", mark, 43, 8, 0, 16) + struct.pack(
            order + "Q", len(tags)
        )
        return head + b"".join(struct.pack(order + "HHQIxxxx", tag, 4, 1, n) for tag, n in tags)
    head = struct.pack(order + "2sHI", mark, 42, 8) + struct.pack(order + "H", len(tags))
    return head + b"".join(struct.pack(order + "HHII", tag, 4, 1, n) for tag, n in tags)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("is_big", [False, True])
def test_tiff_files_that_are_huge_or_on_earth_are_read_in_parts(tmp_path, order, is_big):
    def found(*tags):
        path = tmp_path / "a.tif"
        path.write_bytes(tiff_head(order, is_big, tags))
        return needs_parts(path)

    assert not found((256, 5000), (257, 4000))
    assert found((256, 30000), (257, 30000))
    assert found((256, 50), (257, 40), (34735, 7))


def test_pillow_decides_by_the_head_what_can_be_whole(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    Image.fromarray(PICTURE).save(path)
    assert can_be_whole(path)
    for content in (b"II*\0", b"no picture"):
        (tmp_path / "b.tif").write_bytes(content)
        assert not can_be_whole(tmp_path / "b.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert not can_be_whole(path)


def test_other_files_are_not_read_in_parts(tmp_path):
    for name, content in [("a.png", b"\x89PNG"), ("b.tif", b"II*\0\xff\xff"), ("c.tif", b"")]:
        (tmp_path / name).write_bytes(content)
        assert not needs_parts(tmp_path / name)
    assert not needs_parts(tmp_path / "nowhere.tif")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_read_once_and_not_looked_into(tmp_path):
    pipe, file = tmp_path / "pipe", tmp_path / "a.png"
    Image.fromarray(PICTURE).save(file)
    os.mkfifo(pipe)
    writing = threading.Thread(target=lambda: pipe.write_bytes(file.read_bytes()), daemon=True)
    writing.start()
    assert not needs_parts(pipe)
    assert not is_raster(pipe)
    with open_raster(pipe, Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(0, 60), PICTURE)
    writing.join()


def test_without_rasterio_what_gdal_alone_reads_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    path = tmp_path / "a.vrt"
    path.write_text("<VRTDataset/>")
    assert needs_parts(path)
    with pytest.raises(ValueError, match="pip install 'deeplabkit\\[geo]'"):
        open_raster(path, Reading(), memory=MEMORY)


@pytest.fixture
def geotiff(tmp_path):
    """A TIFF file that lies on earth."""
    keys = TiffImagePlugin.ImageFileDirectory_v2()
    keys.tagtype[34735] = TiffTags.SHORT
    keys[34735] = (1, 1, 0, 0)
    Image.fromarray(PICTURE).save(tmp_path / "earth.tif", tiffinfo=keys)
    assert needs_parts(tmp_path / "earth.tif")
    return tmp_path / "earth.tif"


@pytest.mark.parametrize("missing", [("rasterio",), ("rasterio", "tifffile")])
def test_without_rasterio_a_geotiff_is_read_all_the_same_with_one_warning(
    geotiff, missing, monkeypatch, caplog
):
    if "tifffile" not in missing:
        pytest.importorskip("tifffile", reason="needs the tiff extra")
    for package in missing:
        monkeypatch.setitem(sys.modules, package, None)
    opening._warn_of_lost_place.cache_clear()
    for _ in range(2):
        with open_raster(geotiff, Reading(), memory=MEMORY) as raster:
            assert raster.place is None
            np.testing.assert_array_equal(raster.read(0, 60), PICTURE)
    (record,) = caplog.records
    assert "pip install 'deeplabkit[geo]' keeps both" in record.message


def test_a_geotiff_that_nothing_installed_reads_says_what_to_install(geotiff, monkeypatch):
    for package in ("rasterio", "tifffile"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match="pip install 'deeplabkit\\[geo]'"):
        open_raster(geotiff, Reading(bands=(3, 2, 1)), memory=MEMORY)
