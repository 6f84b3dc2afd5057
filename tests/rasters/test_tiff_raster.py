import threading

import numpy as np
import pytest
from PIL import Image

from deeplab import bands, imaging
from deeplab.rasters import Reading, open_raster, tiff_raster
from deeplab.rasters.tiff_raster import TiffRaster

tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
pytest.importorskip("imagecodecs", reason="needs the tiff extra")

MEMORY = 10**9
PICTURE = np.random.default_rng(0).integers(0, 256, (150, 200, 3), dtype=np.uint8)
LAYOUTS = {
    "strips": {"rowsperstrip": 32, "compression": "deflate"},
    "one plain strip": {"rowsperstrip": 150},
    "plain strips": {"rowsperstrip": 7},
    "tiles": {"tile": (64, 48), "compression": "lzw", "predictor": True},
    "plain tiles": {"tile": (64, 48)},
    "planes": {"planarconfig": "separate", "tile": (64, 48), "compression": "zstd"},
    "plain planes": {"planarconfig": "separate"},
    "big": {"bigtiff": True, "tile": (32, 32), "compression": "deflate"},
    "big-endian": {"byteorder": ">", "rowsperstrip": 40},
}


def write(path, values, *, bigtiff=False, byteorder="<", **options):
    with tifffile.TiffWriter(path, bigtiff=bigtiff, byteorder=byteorder) as writer:
        writer.write(values, photometric="rgb" if values.shape[-1] == 3 else None, **options)
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_those_of_the_whole_picture(tmp_path, layout):
    options = dict(LAYOUTS[layout])
    values = PICTURE.transpose(2, 0, 1) if "planarconfig" in options else PICTURE
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(
        path, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")
    ) as writer:
        writer.write(np.ascontiguousarray(values), photometric="rgb", **options)
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        assert (raster.height, raster.width) == (150, 200)
        for top, bottom in [(0, 150), (0, 1), (30, 95), (64, 128), (149, 150)]:
            np.testing.assert_array_equal(raster.read(top, bottom), PICTURE[top:bottom])


@pytest.mark.parametrize("threads", [1, 2])
def test_no_more_threads_decode_than_were_asked_for(tmp_path, monkeypatch, threads):
    path = write(tmp_path / "a.tif", PICTURE, tile=(16, 16), compression="deflate")
    seen, decode = set(), tiff_raster._decode_segment

    def watched(*arguments):
        seen.add(threading.get_ident())
        return decode(*arguments)

    monkeypatch.setattr(tiff_raster, "_decode_segment", watched)
    monkeypatch.setattr(tiff_raster, "num_cores", lambda: 8)
    with open_raster(path, Reading(), memory=MEMORY, threads=threads) as raster:
        np.testing.assert_array_equal(raster.read(0, 16), PICTURE[:16])
    assert len(seen) <= threads
    assert (seen == {threading.get_ident()}) == (threads == 1)


@pytest.mark.parametrize("options", [{}, {"rowsperstrip": 32, "compression": "deflate"}])
def test_sixteen_bits_are_divided_by_257_unless_a_range_is_given(tmp_path, options):
    deep = PICTURE.astype(np.uint16) * 257
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb", byteorder=">", **options)
    with open_raster(tmp_path / "a.tif", Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(10, 90), PICTURE[10:90])
    reading = Reading(value_range=(0, 65535 / 2))
    with open_raster(tmp_path / "a.tif", reading, memory=MEMORY) as raster:
        expected = np.minimum(PICTURE[10:90] * 2.0, 255)
        np.testing.assert_array_equal(raster.read(10, 90), expected)


def test_jpeg_tiles_are_decoded_as_tifffile_does_it(tmp_path):
    smooth = np.repeat(np.repeat(PICTURE[:19, :25], 8, 0), 8, 1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, smooth, photometric="ycbcr", tile=(64, 64), compression="jpeg")
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(40, 140), tifffile.imread(path)[40:140])


def test_a_level_of_a_pyramid_can_be_chosen(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(PICTURE, photometric="rgb", subifds=1, tile=(64, 64))
        writer.write(PICTURE[::2, ::2].copy(), photometric="rgb", subfiletype=1, tile=(64, 64))
    with TiffRaster(path, Reading(), level=1, memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(5, 60), PICTURE[10:120:2, ::2])
    with pytest.raises(ValueError, match="level 2: it has 0 to 1"):
        TiffRaster(path, Reading(), level=2, memory=MEMORY)


def test_grey_becomes_three_equal_bands_and_white_may_be_zero(tmp_path):
    grey = PICTURE[..., 0]
    for kind, expected in [("minisblack", grey), ("miniswhite", 255 - grey)]:
        tifffile.imwrite(tmp_path / "a.tif", grey, photometric=kind, compression="deflate")
        with open_raster(tmp_path / "a.tif", Reading(), memory=MEMORY) as raster:
            rows = raster.read(3, 20)
        np.testing.assert_array_equal(rows, np.repeat(expected[3:20, :, None], 3, axis=2))


def test_palettes_become_colours(tmp_path):
    colours = np.random.default_rng(1).integers(0, 256, (3, 256), dtype=np.uint8)
    table = colours.astype(np.uint16) * 257
    grey = PICTURE[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", grey, photometric="palette", colormap=table)
    with open_raster(tmp_path / "a.tif", Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(3, 20), colours.T[grey[3:20]])


def test_bands_are_chosen_in_any_order(tmp_path):
    values = np.random.default_rng(0).integers(0, 256, (40, 30, 5), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack", planarconfig="contig")
    with open_raster(tmp_path / "a.tif", Reading(bands=(5, 1, 2)), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(0, 40), values[..., [4, 0, 1]])
    with open_raster(tmp_path / "a.tif", Reading(num_bands=5), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(0, 40), values)
    with pytest.raises(ValueError, match="5 bands, but 4 are wanted; say which with --bands"):
        open_raster(tmp_path / "a.tif", Reading(num_bands=4), memory=MEMORY)


@pytest.mark.parametrize("layout", [{}, {"tile": (64, 48)}, {"rowsperstrip": 9}])
@pytest.mark.parametrize("num_bands", [1, 3])
@pytest.mark.parametrize("kind", ["unassalpha", "assocalpha"])
def test_transparent_pixels_lie_on_white_as_pillow_lays_them(tmp_path, layout, num_bands, kind):
    rgba = np.dstack([PICTURE, PICTURE[::-1, :, :1]])
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=[kind], **layout)
    with open_raster(path, Reading(num_bands), memory=MEMORY) as raster:
        found, valid = raster.read(5, 90), raster.read_valid(5, 90)
    np.testing.assert_array_equal(found, bands.read_bands(path, num_bands)[5:90])
    assert valid is None


@pytest.mark.parametrize("kind", ["minisblack", "miniswhite"])
def test_transparent_grey_lies_on_white(tmp_path, kind):
    grey, alpha = PICTURE[..., 0], PICTURE[..., 1]
    stored = grey if kind == "minisblack" else 255 - grey
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.dstack([stored, alpha]),
        photometric=kind,
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    with open_raster(tmp_path / "a.tif", Reading(), memory=MEMORY) as raster:
        found = raster.read(0, 150)
    expected = imaging.read_picture(Image.fromarray(np.dstack([grey, alpha]), "LA"))
    np.testing.assert_array_equal(found, expected)


def test_bands_that_are_typed_are_as_they_are_stored(tmp_path):
    rgba = np.dstack([PICTURE, PICTURE[..., :1]])
    tifffile.imwrite(tmp_path / "a.tif", rgba, photometric="rgb", extrasamples=["unassalpha"])
    for reading, chosen in [(Reading(bands=(1, 2, 3)), rgba[..., :3]), (Reading(4), rgba)]:
        with open_raster(tmp_path / "a.tif", reading, memory=MEMORY) as raster:
            np.testing.assert_array_equal(raster.read(5, 9), chosen[5:9])


@pytest.mark.parametrize("layout", ["tiles", "strips", "planes"])
def test_what_is_left_out_of_the_file_was_not_measured(tmp_path, layout):
    options = dict(LAYOUTS[layout])
    values = PICTURE.transpose(2, 0, 1) if "planarconfig" in options else PICTURE
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ascontiguousarray(values), photometric="rgb", **options)
    size = (32, 200) if layout == "strips" else (64, 48)
    across = -(-200 // size[1])
    gaps = (3,) if layout == "strips" else (1, 2, 5, 14)
    with tifffile.TiffFile(path, mode="r+") as file:
        counts = list(file.pages[0].databytecounts)
        num_planes = 3 if layout == "planes" else 1
        for number in gaps:
            for plane in range(num_planes):
                counts[plane * len(counts) // num_planes + number] = 0
        file.pages[0].tags["StripByteCounts" if layout == "strips" else 325].overwrite(counts)
    expected = np.ones((150, 200), bool)
    for number in gaps:
        top, left = number // across * size[0], number % across * size[1]
        expected[top : top + size[0], left : left + size[1]] = False
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        for top, bottom in [(0, 150), (30, 70), (100, 101)]:
            found = raster.read_valid(top, bottom)
            np.testing.assert_array_equal(found, expected[top:bottom])
            rows = raster.read(top, bottom)
            np.testing.assert_array_equal(rows[found], PICTURE[top:bottom][found])


def test_what_cannot_be_read_in_parts_is_refused_with_advice(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PICTURE, photometric="rgb", compression="deflate", rowsperstrip=150)
    with pytest.raises(ValueError, match=r"strips of 150 rows.*rewrite it in tiles"):
        open_raster(path, Reading(), memory=300_000)
    tifffile.imwrite(path, PICTURE.astype(np.float32), photometric="rgb")
    with (
        open_raster(path, Reading(), memory=MEMORY) as raster,
        pytest.raises(ValueError, match=r"values of float32; say which .* --value-range LOW,HIGH"),
    ):
        raster.read(0, 5)
    tifffile.imwrite(path, PICTURE, photometric="rgb", extratags=[(274, "H", 1, 6)])
    with pytest.raises(ValueError, match="its orientation tag is 6"):
        open_raster(path, Reading(), memory=MEMORY)


def test_damage_is_told_with_its_place(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, PICTURE, photometric="rgb", compression="deflate", rowsperstrip=10)
    content = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        start = file.pages[0].dataoffsets[5]
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    with open_raster(path, Reading(), memory=MEMORY) as raster:
        np.testing.assert_array_equal(raster.read(0, 50), PICTURE[:50])
        with pytest.raises(ValueError, match="damaged near row 50"):
            raster.read(40, 60)
