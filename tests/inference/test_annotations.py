import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.inference.label_maps import ALL, blobs, nested

from deeplab import imaging
from deeplab.imaging import LabelMap
from deeplab.inference.annotations import (
    Objects,
    coco,
    geojson,
    join_coco,
    labelme,
    path_from,
    write_json,
)
from deeplab.inference.polygons import signed_area

# pycocotools, with newer versions of numpy.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

NAMES = ("background", "cat", "dog")
MAPS = ("noise", "blobs", "nested", "touching", "one pixel", "a row")


def _find(labels: LabelMap, picture: str = "a.png") -> Objects:
    confidence = np.full(labels.shape, 0.75, np.float32)
    return Objects.find(labels, confidence, NAMES, wanted=(1, 2), picture=picture)


def _save_picture(folder: Path, labels: LabelMap, name: str = "a.png") -> None:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", labels.shape[::-1], "#567").save(folder / name)


def _converted(source: Path, images: Path, target: Path, name: str = "a.png") -> LabelMap:
    """Read annotations as `deeplab data convert` does, with labels in the order of `NAMES`."""
    pytest.importorskip("pycocotools")
    pytest.importorskip("yaml")
    from deeplab.data import describe
    from deeplab.data.annotations.convert import ConvertOptions, convert

    convert(source, target, ConvertOptions(images_dir=images))
    found = describe(target).label_set.class_names
    labels = imaging.read_label_map(target / "masks" / name)
    return np.array([NAMES.index(one) for one in found], np.uint8)[labels]


# GeoJSON


@pytest.mark.parametrize("name", MAPS)
def test_gdal_draws_the_label_map_from_geojson(name: str) -> None:
    features = pytest.importorskip("rasterio.features")
    labels = ALL[name]
    made = json.loads(json.dumps(geojson(_find(labels))))
    shapes = [(one["geometry"], one["properties"]["label"]) for one in made["features"]]
    drawn = features.rasterize(shapes, labels.shape) if shapes else np.zeros_like(labels)
    np.testing.assert_array_equal(drawn, labels)


def test_gdal_draws_it_from_map_coordinates_too() -> None:
    features = pytest.importorskip("rasterio.features")
    affine = pytest.importorskip("affine")
    labels = ALL["blobs"]
    place = (0.5, 0.1, 4000.0, 0.05, -0.5, 5000.0)
    made = geojson(_find(labels), transform=place)
    shapes = [(one["geometry"], one["properties"]["label"]) for one in made["features"]]
    drawn = features.rasterize(shapes, labels.shape, transform=affine.Affine(*place))
    np.testing.assert_array_equal(drawn, labels)


@pytest.mark.parametrize("transform", [None, (2.0, 0.0, 7.0, 0.0, -2.0, 9.0)])
def test_rings_are_closed_and_outer_ones_go_anticlockwise_on_the_map(
    transform: tuple[float, ...] | None,
) -> None:
    for one in geojson(_find(nested()), transform=transform)["features"]:  # type: ignore[arg-type]
        outer, *holes = (np.array(ring) for ring in one["geometry"]["coordinates"])
        assert (outer[0] == outer[-1]).all()
        assert signed_area(outer[:-1]) > 0
        assert all(signed_area(hole[:-1]) < 0 for hole in holes)


def test_features_say_class_area_and_confidence() -> None:
    features = geojson(_find(nested()))["features"]
    dog = [one["properties"] for one in features if one["properties"]["class"] == "dog"]
    assert dog == [{"class": "dog", "label": 2, "area_px": 16, "confidence": 0.75}]
    assert len(features) == 3


# COCO


@pytest.mark.parametrize("name", MAPS)
def test_pycocotools_reads_the_label_map_from_coco(name: str, tmp_path: Path) -> None:
    module = pytest.importorskip("pycocotools.coco")
    labels = ALL[name]
    write_json(tmp_path / "a.coco.json", coco(_find(labels)))
    file = module.COCO(tmp_path / "a.coco.json")
    drawn = np.zeros_like(labels)
    for one in file.loadAnns(file.getAnnIds()):
        mask = file.annToMask(one).astype(bool)
        assert not drawn[mask].any()
        drawn[mask] = one["category_id"]
        assert one["area"] == mask.sum()
        rows, columns = np.nonzero(mask)
        left, top, width, height = one["bbox"]
        assert (left, top) == (columns.min(), rows.min())
        assert (left + width, top + height) == (columns.max() + 1, rows.max() + 1)
    np.testing.assert_array_equal(drawn, labels)
    assert [one["name"] for one in file.loadCats(file.getCatIds())] == ["cat", "dog"]


def test_a_network_without_a_background_lists_all_its_classes() -> None:
    labels = ALL["noise"]
    names = ("road", "cat", "dog")
    confidence = np.ones(labels.shape, np.float32)
    made = coco(Objects.find(labels, confidence, names, wanted=(0, 1, 2), picture="a"))
    assert [one["id"] for one in made["categories"]] == [0, 1, 2]
    assert sum(one["area"] for one in made["annotations"]) == labels.size


def test_files_of_several_pictures_become_one(tmp_path: Path) -> None:
    module = pytest.importorskip("pycocotools.coco")
    maps = {"a.png": nested(), "may/b.png": blobs(20, 30, 3)}
    paths = []
    for name, labels in maps.items():
        path = (tmp_path / "out" / name).with_suffix(".coco.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = path_from(path, tmp_path / "photos" / name)
        write_json(path, coco(_find(labels, picture)))
        paths.append(path)
    join_coco(paths, tmp_path / "out" / "coco.json")
    file = module.COCO(tmp_path / "out" / "coco.json")
    for picture in file.dataset["images"]:
        name = picture["file_name"].removeprefix("../photos/")
        drawn = np.zeros_like(maps[name])
        for one in file.loadAnns(file.getAnnIds(picture["id"])):
            drawn[file.annToMask(one).astype(bool)] = one["category_id"]
        np.testing.assert_array_equal(drawn, maps[name])


# labelme


@pytest.mark.parametrize("name", MAPS)
def test_pillow_draws_the_label_map_from_labelme_as_labelme_does(name: str) -> None:
    from PIL import ImageDraw

    labels = ALL[name]
    image = Image.new("L", labels.shape[::-1])
    made = labelme(_find(labels))
    codes = {"_background_": 0, "cat": 1, "dog": 2}
    for shape in made["shapes"]:
        assert len(shape["points"]) >= 3
        points = [(x, y) for x, y in shape["points"]]
        colour = codes[shape["label"]]
        ImageDraw.Draw(image).polygon(points, outline=colour, fill=colour)
    np.testing.assert_array_equal(np.asarray(image), labels)


def test_simplified_labelme_polygons_have_fewer_points_and_nearly_the_pixels() -> None:
    from PIL import ImageDraw

    labels = (blobs(60, 80, 2) > 0).astype(np.uint8)
    exact, simple = labelme(_find(labels)), labelme(_find(labels), tolerance_px=1.5)
    counts = [sum(len(one["points"]) for one in made["shapes"]) for made in (exact, simple)]
    assert counts[1] < counts[0] / 2
    image = Image.new("L", labels.shape[::-1])
    for shape in simple["shapes"]:
        colour = int(shape["label"] == "cat")
        points = [(x, y) for x, y in shape["points"]]
        ImageDraw.Draw(image).polygon(points, outline=colour, fill=colour)
    assert (np.asarray(image) == labels).mean() > 0.97


# The way back


@pytest.mark.parametrize("make", [coco, labelme])
def test_data_convert_reads_the_same_label_map(make, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    labels = nested()
    labels[:, :2] = 2  # dogs at the border too
    _save_picture(tmp_path / "photos", labels)
    (tmp_path / "out").mkdir()
    suffix = ".coco.json" if make is coco else ".json"
    write_json(tmp_path / "out" / f"a{suffix}", make(_find(labels, "../photos/a.png")))
    read = _converted(tmp_path / "out", tmp_path / "photos", tmp_path / "set")
    np.testing.assert_array_equal(read, labels)
