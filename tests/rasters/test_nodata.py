import numpy as np
import pytest

from deeplab.rasters import Reading, tiff_raster
from deeplab.rasters.geo_raster import GeoRaster
from deeplab.rasters.nodata import MaskStore
from deeplab.rasters.tiff_raster import TiffRaster

tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
pytest.importorskip("imagecodecs", reason="needs the tiff extra")

MEMORY = 10**9
WINDOWS = [(0, 70), (0, 1), (9, 50), (64, 70)]
LAYOUTS = {
    "plain strips": {},
    "plain planes": {"planarconfig": "separate"},
    "strips": {"rowsperstrip": 9, "compression": "deflate"},
    "tiles": {"tile": (32, 16), "compression": "lzw"},
    "planes": {"planarconfig": "separate", "tile": (32, 16), "compression": "zstd"},
}
LOWEST = np.finfo(np.float32).min


def write(path, values, nodata, **options):
    """Write (H, W, bands) with GDAL's tag."""
    num_bands = values.shape[2]
    if options.get("planarconfig") == "separate":
        values = np.ascontiguousarray(values.transpose(2, 0, 1))
    elif num_bands > 1:
        options["planarconfig"] = "contig"
    options.setdefault("photometric", "rgb" if num_bands == 3 else "minisblack")
    tifffile.imwrite(path, values, extratags=[(42113, "s", 0, nodata, True)], **options)
    return path


def values_with(nodata, dtype=np.uint8, num_bands=3):
    """Noise of few values, and a block of nodata; one of half the bands beside it."""
    values = np.random.default_rng(0).integers(0, 4, (70, 90, num_bands)).astype(dtype)
    values[20:40, 30:60] = nodata
    values[20:40, 60:70, : num_bands // 2] = nodata
    return values


@pytest.mark.parametrize("layout", LAYOUTS)
def test_pixels_whose_bands_all_have_the_nodata_value_are_not_valid(tmp_path, layout):
    values = values_with(7)
    path = write(tmp_path / "a.tif", values, "7", **LAYOUTS[layout])
    with TiffRaster(path, Reading(), memory=MEMORY) as raster:
        for top, bottom in WINDOWS:
            expected = (values[top:bottom] != 7).any(axis=2)
            np.testing.assert_array_equal(raster.read_valid(top, bottom), expected)
            np.testing.assert_array_equal(raster.read(top, bottom), values[top:bottom])
            np.testing.assert_array_equal(raster.read_valid(top, bottom), expected)


CASES = {
    "lowest": ("0", np.uint8, 0),
    "highest": ("65535", np.uint16, 65535),
    "negative": ("-9999", np.int16, -9999),
    "no byte": ("-9999", np.uint8, 3),
    "no whole number": ("2.5", np.uint8, 2),
    "next to the lowest": ("-0.5", np.uint8, 0),
    "written as a fraction": ("2.0", np.uint8, 2),
    "no number": ("nan", np.float32, np.nan),
    "no number, but all pixels are": ("-1", np.float32, np.nan),
    "no number among whole ones": ("nan", np.uint8, 3),
    "rounded": ("0.1", np.float32, np.float32(0.1)),
    "not rounded": ("0.1", np.float64, 0.1),
    "Esri's": (repr(float(LOWEST)), np.float32, LOWEST),
    "infinite": ("inf", np.float32, np.inf),
    "nothing": ("", np.uint8, 3),
}


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "reading", [Reading(value_range=(0, 9)), Reading(bands=(1, 1, 1), value_range=(0, 9))]
)
@pytest.mark.parametrize("num_bands", [1, 3, 5])
def test_what_is_valid_is_what_rasterio_says(tmp_path, case, reading, num_bands):
    pytest.importorskip("rasterio", reason="needs the geo extra")
    text, dtype, value = CASES[case]
    values = values_with(value, dtype, num_bands)
    path = write(tmp_path / "a.tif", values, text, **LAYOUTS["tiles"])
    with (
        TiffRaster(path, reading, memory=MEMORY) as raster,
        GeoRaster(path, reading) as through_gdal,
    ):
        for top, bottom in WINDOWS:
            ours, theirs = (
                valid if valid is not None else np.ones((bottom - top, 90), np.bool_)
                for valid in (one.read_valid(top, bottom) for one in (raster, through_gdal))
            )
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("photometric", ["miniswhite", "palette"])
def test_the_value_is_the_one_that_is_stored_not_the_one_that_is_seen(tmp_path, photometric):
    values = values_with(7, num_bands=1)
    options = {"photometric": photometric}
    if photometric == "palette":
        options["colormap"] = np.random.default_rng(1).integers(0, 2**16, (3, 256), np.uint16)
    path = write(tmp_path / "a.tif", values, "7", **options)
    with TiffRaster(path, Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read_valid(5, 60), values[5:60, :, 0] != 7)


def test_smaller_levels_of_a_pyramid_have_the_value_of_the_largest(tmp_path):
    values = values_with(7)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        options = {"photometric": "rgb", "tile": (32, 16)}
        writer.write(values, subifds=1, extratags=[(42113, "s", 0, "7", True)], **options)
        writer.write(values[::2, ::2].copy(), subfiletype=1, **options)
    with TiffRaster(tmp_path / "a.tif", Reading(), level=1, memory=MEMORY) as raster:
        expected = (values[::2, ::2] != 7).any(axis=2)
        np.testing.assert_array_equal(raster.read_valid(0, 35), expected)


def test_values_that_no_pixel_can_have_are_nothing_to_warn_of(tmp_path, caplog):
    path = write(tmp_path / "a.tif", values_with(7), "-9999")
    with TiffRaster(path, Reading(), memory=MEMORY) as raster:
        assert raster.read_valid(0, 70) is None
    assert not caplog.records


def test_tiles_are_not_decoded_again_to_know_what_is_valid(tmp_path, monkeypatch):
    path = write(tmp_path / "a.tif", values_with(7), "7", **LAYOUTS["tiles"])
    calls, decode = [], tiff_raster._decode_segment

    def count(*arguments):
        calls.append(arguments)
        return decode(*arguments)

    monkeypatch.setattr(tiff_raster, "_decode_segment", count)
    with TiffRaster(path, Reading(), memory=MEMORY, threads=1) as raster:
        raster.read(0, 70)
        num_decoded = len(calls)
        for top in range(0, 64, 8):
            raster.read_valid(top, top + 8)
    assert len(calls) == num_decoded == 18  # 3 rows of 6 tiles


def test_masks_come_back_until_their_rows_lie_far_above():
    store = MaskStore(13)
    masks = np.random.default_rng(0).random((3, 5, 13)) < 0.5
    for top, mask in zip((0, 5, 4100), masks, strict=True):
        store.add(top, mask)
    assert store.get(0) is not None
    np.testing.assert_array_equal(store.get(5), masks[1])
    np.testing.assert_array_equal(store.get(4100), masks[2])
    assert store.get(7) is None
    store.add(4102, masks[2])
    assert store.get(0) is None
    np.testing.assert_array_equal(store.get(5), masks[1])
