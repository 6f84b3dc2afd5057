import json

import numpy as np
import pytest
from PIL import Image
from tests.inference.test_large import ColourEngine, assert_same, smooth

from deeplab import imaging
from deeplab.inference import Segmenter, Tiling, segment_large

TILING = Tiling(tile=64)


@pytest.fixture
def segmenter():
    return Segmenter(ColourEngine())


def test_files_hold_what_they_hold_without_tiles(tmp_path, segmenter):
    picture = smooth(150, 200)
    Image.fromarray(picture).save(tmp_path / "a.png")
    result = segment_large(
        segmenter,
        tmp_path / "a.png",
        tmp_path / "out" / "a",
        outputs=("mask", "overlay", "cutout"),
        classes=("cat",),
        tiling=TILING,
    )
    expected = segmenter(picture)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a.cutout.png",
        "a.mask.png",
        "a.overlay.jpg",
    ]
    mask = imaging.read_label_map(result.outputs["mask"])
    assert_same(mask, expected.labels_of(["cat"]))
    with Image.open(result.outputs["cutout"]) as cutout:
        assert_same(np.asarray(cutout), np.asarray(expected.cutout(["cat"])))
    expected.save(tmp_path / "whole", outputs=("overlay",), classes=("cat",))
    drawn, other = (
        imaging.read_picture(path).astype(float)
        for path in (result.outputs["overlay"], tmp_path / "whole.overlay.jpg")
    )
    assert np.abs(drawn - other).mean() < 0.1
    assert result.size == (150, 200)
    for found, other in zip(result.found, expected.found(), strict=True):
        assert (found.name, found.label) == (other.name, other.label)
        assert found.share == pytest.approx(other.share, abs=1e-3)
        assert found.confidence == pytest.approx(other.confidence, abs=1e-4)


def test_a_tiff_file_gives_tiff_files(tmp_path, segmenter):
    tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
    picture = smooth(150, 200)
    tifffile.imwrite(tmp_path / "a.tif", picture, photometric="rgb", tile=(64, 64))
    result = segment_large(
        segmenter, tmp_path / "a.tif", tmp_path / "a", outputs=("mask", "probs"), tiling=TILING
    )
    expected = segmenter(picture)
    assert result.outputs["mask"].name == "a.mask.tif"
    assert_same(tifffile.imread(result.outputs["mask"]), expected.labels)
    probabilities = tifffile.imread(result.outputs["probs"])
    np.testing.assert_allclose(probabilities, expected.probabilities() * 255, atol=0.51)


def test_a_geotiff_gives_geotiffs_at_its_place_with_void_where_there_is_no_data(
    tmp_path, segmenter
):
    rasterio = pytest.importorskip("rasterio", reason="needs the geo extra")
    from rasterio.transform import Affine

    place = {"crs": "EPSG:32633", "transform": Affine(10, 0, 399960, 0, -10, 5300040)}
    values = smooth(150, 200).transpose(2, 0, 1).astype(np.uint16) * 10
    values[:, 30:60, 40:90] = 65535
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=150, width=200, count=3, dtype="uint16",
        nodata=65535, **place,
    ) as file:  # fmt: skip
        file.write(values)
    from deeplab.rasters import Reading

    result = segment_large(
        segmenter,
        tmp_path / "a.tif",
        tmp_path / "a",
        outputs=("mask", "probs"),
        tiling=TILING,
        reading=Reading(value_range=(0, 2550)),
    )
    expected = segmenter(smooth(150, 200)).labels
    with rasterio.open(result.outputs["mask"]) as mask:
        labels = mask.read(1)
        assert (mask.crs.to_epsg(), mask.transform, mask.nodata) == (32633, place["transform"], 255)
    assert (labels[30:60, 40:90] == 255).all()
    far = np.ones((150, 200), bool)
    far[24:66, 34:96] = False
    assert_same(labels[far], expected[far])
    with rasterio.open(result.outputs["probs"]) as probabilities:
        assert probabilities.descriptions == segmenter.card.class_names
        assert probabilities.transform == place["transform"]
    assert sum(found.share for found in result.found) == pytest.approx(1)


def test_tiles_that_a_file_leaves_out_are_void_and_count_nowhere(tmp_path, segmenter):
    tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
    path = tmp_path / "a.tif"
    picture = np.zeros((128, 128, 3), np.uint8)
    picture[:64] = (255, 0, 0)
    tifffile.imwrite(path, picture, photometric="rgb", tile=(64, 64))
    with tifffile.TiffFile(path, mode="r+") as file:
        counts = file.pages[0].databytecounts
        file.pages[0].tags["TileByteCounts"].overwrite([*counts[:2], 0, 0])
    result = segment_large(segmenter, path, tmp_path / "b", outputs=("mask",), tiling=TILING)
    mask = tifffile.imread(result.outputs["mask"])
    assert (mask[64:] == 255).all()
    assert (mask[:60] == 1).all()  # below, scores of what lies beyond take part
    shares = {one.name: one.share for one in result.found}
    assert shares["cat"] == (mask == 1).sum() / (64 * 128)
    assert sum(shares.values()) == 1


def test_polygons_of_a_geotiff_drawn_at_its_place_are_its_mask(tmp_path, segmenter):
    rasterio = pytest.importorskip("rasterio", reason="needs the geo extra")
    from rasterio.features import rasterize

    values = smooth(150, 200).transpose(2, 0, 1).copy()
    values[:, 30:60, 40:90] = 7
    with rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", height=150, width=200, count=3, dtype="uint8",
        nodata=7, crs="EPSG:32633", transform=rasterio.Affine(10, 0, 399960, 0, -10, 5300040),
    ) as file:  # fmt: skip
        file.write(values)
    for classes in ((), ("cat",)):
        outputs = segment_large(
            segmenter,
            tmp_path / "a.tif",
            tmp_path / "a",
            outputs=("mask", "geojson"),
            classes=classes,
            tiling=TILING,
        ).outputs
        made = json.loads(outputs["geojson"].read_text())
        shapes = [(one["geometry"], one["properties"]["label"]) for one in made["features"]]
        assert made["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
        with rasterio.open(outputs["mask"]) as mask:
            labels = mask.read(1)
            found = rasterize(shapes, labels.shape, transform=mask.transform)
        assert (labels == 255).sum() >= 30 * 50
        np.testing.assert_array_equal(found, np.where(labels == 255, 0, labels))


def test_polygons_of_a_picture_in_one_tile_are_those_without_tiles(tmp_path, segmenter):
    picture = smooth(90, 110)
    segment_large(
        segmenter, picture, tmp_path / "a", outputs=("geojson",), simplify_px=1, tiling=Tiling(256)
    )
    segmenter(picture).save(tmp_path / "b", outputs=("geojson",), simplify_px=1)
    assert (tmp_path / "a.geojson").read_bytes() == (tmp_path / "b.geojson").read_bytes()


def test_nothing_is_left_of_what_fails(tmp_path, segmenter):
    tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, smooth(150, 200), photometric="rgb", compression="zlib", rowsperstrip=10)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(ValueError, match="damaged"):
        segment_large(
            segmenter, path, tmp_path / "out" / "a", outputs=("mask", "geojson"), tiling=TILING
        )
    assert not list((tmp_path / "out").glob("*"))


def test_overlays_of_large_pictures_are_drawn_smaller(tmp_path, segmenter, monkeypatch):
    monkeypatch.setattr("deeplab.inference.overview.LONGEST_SIDE", 50)
    for size, drawn in [((150, 200), (38, 50)), ((101, 33), (34, 11))]:
        result = segment_large(
            segmenter, smooth(*size), tmp_path / "a", outputs=("overlay",), tiling=TILING
        )
        with Image.open(result.outputs["overlay"]) as overlay:
            assert overlay.size == drawn[::-1]


def test_outputs_that_are_not_made_in_tiles_are_refused(tmp_path, segmenter):
    with pytest.raises(
        ValueError, match=r"output 'masks' is not made of pictures in tiles, .*; these have mask"
    ):
        segment_large(segmenter, smooth(9, 9), tmp_path / "a", outputs=("masks",))
