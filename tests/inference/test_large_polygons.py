import json

import numpy as np
import pytest
from tests.inference.label_maps import ALL, blobs

from deeplab.inference.annotations import Objects, geojson, write_json
from deeplab.inference.large import LabelledRows
from deeplab.inference.large_polygons import PolygonFile
from deeplab.inference.tiling import memory_to_trace, traced_rows
from deeplab.rasters.raster import ArrayRaster

NAMES = ("background", "cat", "dog")
MAPS = ("noise", "blobs", "nested", "touching", "one pixel", "a column")
CRS_OF_OUR_OWN = (
    'PROJCS["Mine",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],'
    'PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]],PROJECTION["Transverse_Mercator"],'
    'PARAMETER["latitude_of_origin",12],PARAMETER["central_meridian",7.25],'
    'PARAMETER["scale_factor",0.9],PARAMETER["false_easting",1234],'
    'PARAMETER["false_northing",0],UNIT["metre",1]]'
)


def raster_of(labels, place=None):
    raster = ArrayRaster(np.zeros((*labels.shape, 3), np.uint8))
    raster.place = place
    return raster


def confidence_of(labels):
    return np.random.default_rng(1).random(labels.shape, np.float32)


def written(path, labels, *, memory=10**9, wanted=(1, 2), simplify_px=0, place=None):
    """Write a label map as it comes from tiles, seven rows at a time."""
    lookup = np.arange(256, dtype=np.uint8)
    file = PolygonFile(
        path, raster_of(labels, place), class_names=NAMES, labels=lookup, wanted=wanted,
        simplify_px=simplify_px, memory=memory,
    )  # fmt: skip
    for top in range(0, len(labels), 7):
        part = np.s_[top : top + 7]
        picture = np.zeros((*labels[part].shape, 3), np.uint8)
        file.add(LabelledRows(top, labels[part], confidence_of(labels)[part], picture, None))
    file.finish()
    return json.loads(path.read_text())


def drawn(made, shape, **options):
    """Let GDAL draw what a file holds."""
    features = pytest.importorskip("rasterio.features")
    shapes = [(one["geometry"], one["properties"]["label"]) for one in made["features"]]
    return features.rasterize(shapes, shape, **options) if shapes else np.zeros(shape, np.uint8)


def place(epsg=None, wkt=None, transform=(0.5, 0.1, 300, 0.1, -0.5, 900)):
    pytest.importorskip("rasterio")
    from rasterio.crs import CRS
    from rasterio.transform import Affine

    crs = CRS.from_wkt(wkt) if wkt else CRS.from_epsg(epsg) if epsg else None
    return {"crs": crs, "transform": Affine(*transform)}


@pytest.mark.parametrize("simplify_px", [0, 2])
@pytest.mark.parametrize("name", MAPS)
def test_where_memory_suffices_the_file_is_that_of_the_whole_picture(tmp_path, name, simplify_px):
    labels = ALL[name]
    written(tmp_path / "a.json", labels, simplify_px=simplify_px)
    objects = Objects.find(labels, confidence_of(labels), NAMES, wanted=(1, 2), picture="")
    write_json(tmp_path / "b.json", geojson(objects, tolerance_px=simplify_px))
    made, expected = (json.loads((tmp_path / one).read_text()) for one in ("a.json", "b.json"))
    assert made == expected


@pytest.mark.parametrize("name", MAPS)
def test_strips_cover_the_same_pixels_and_end_where_the_file_says(tmp_path, name, caplog):
    labels = ALL[name]
    height, width = labels.shape
    made = written(tmp_path / "a.json", labels, memory=memory_to_trace(5, width))
    np.testing.assert_array_equal(drawn(made, labels.shape), np.where(labels < 3, labels, 0))
    cuts = made.get("cut_at_rows", [])
    assert cuts == list(range(5, height, 5))
    assert bool(cuts) == ("polygons are cut at every 5 rows" in caplog.text)
    for one in made["features"]:
        rows = [y for ring in one["geometry"]["coordinates"] for _, y in ring]
        assert not [cut for cut in cuts if min(rows) < cut < max(rows)]
    for label in (1, 2):
        areas = [
            one["properties"]["area_px"]
            for one in made["features"]
            if one["properties"]["label"] == label
        ]
        assert sum(areas) == (labels == label).sum()


def test_simplified_strips_meet_without_gaps(tmp_path):
    labels = blobs(40, 50, 3)
    whole, strips = (
        written(
            tmp_path / "a.json", labels, memory=memory_to_trace(rows, 50), simplify_px=1.5,
            wanted=(0, 1, 2),
        )
        for rows in (40, 9)
    )  # fmt: skip
    for made in (whole, strips):
        area = 0.0
        for one in made["features"]:
            for ring in one["geometry"]["coordinates"]:
                x, y = np.array(ring, float).T
                area += (x[:-1] * y[1:] - x[1:] * y[:-1]).sum() / 2
        assert area == 40 * 50  # no pixel twice, none missing


def test_void_and_classes_that_are_not_wanted_are_no_objects(tmp_path):
    labels = ALL["blobs"].copy()
    labels[10:20, 10:30] = 255
    made = written(tmp_path / "a.json", labels, wanted=(2,))
    np.testing.assert_array_equal(drawn(made, labels.shape) == 2, labels == 2)
    assert {one["properties"]["class"] for one in made["features"]} == {"dog"}


@pytest.mark.parametrize("rows", [40, 11])
def test_map_coordinates_are_those_of_the_raster_whatever_its_transform(tmp_path, rows):
    labels = ALL["blobs"]
    where = place(32633)
    memory = memory_to_trace(rows, labels.shape[1])
    made = written(tmp_path / "a.json", labels, memory=memory, place=where)
    np.testing.assert_array_equal(
        drawn(made, labels.shape, transform=where["transform"]), np.where(labels < 3, labels, 0)
    )


def test_the_file_names_its_map_as_gdal_reads_it(tmp_path):
    crs = pytest.importorskip("rasterio.crs")
    for epsg in (32633, 2154):
        member = written(tmp_path / "a.json", ALL["nested"], place=place(epsg))["crs"]
        assert member["type"] == "name"
        assert crs.CRS.from_user_input(member["properties"]["name"]).to_epsg() == epsg


def test_a_map_of_nobody_elses_is_named_in_full(tmp_path):
    crs = pytest.importorskip("rasterio.crs")
    where = place(wkt=CRS_OF_OUR_OWN)
    name = written(tmp_path / "a.json", ALL["nested"], place=where)["crs"]["properties"]["name"]
    assert crs.CRS.from_wkt(name) == where["crs"]


def test_degrees_of_wgs_84_need_no_name_and_an_unknown_map_has_none(tmp_path):
    assert "crs" not in written(tmp_path / "a.json", ALL["nested"], place=place(4326))
    assert written(tmp_path / "a.json", ALL["nested"], place=place())["crs"] is None


def test_a_raster_that_lies_nowhere_has_pixel_coordinates(tmp_path):
    nowhere = place(transform=(1, 0, 0, 0, 1, 0))
    with_place = written(tmp_path / "a.json", ALL["nested"], place=nowhere)
    assert with_place == written(tmp_path / "a.json", ALL["nested"])
    assert "crs" not in with_place


def test_strips_are_as_high_as_a_quarter_of_the_memory_allows():
    assert traced_rows(100, 1000, memory_to_trace(100, 1000)) == 100
    assert traced_rows(100, 1000, memory_to_trace(100, 1000) - 1000) == 99
    assert traced_rows(100, 10**9, 10**9) == 1
