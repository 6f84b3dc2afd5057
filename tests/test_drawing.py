import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging
from deeplab.labels import voc_palette

Array = NDArray[Any]
PALETTE = voc_palette(3)


def test_a_label_map_survives_its_file(random: np.random.Generator, tmp_path: Path) -> None:
    labels = random.choice(np.array([0, 1, 2, 255], np.uint8), (6, 5))
    path = tmp_path / "mask.png"
    drawing.write_label_map(path, labels, PALETTE)
    np.testing.assert_array_equal(imaging.read_label_map(path), labels)


def test_a_label_map_of_many_classes_survives_its_file(
    random: np.random.Generator, tmp_path: Path
) -> None:
    labels = random.choice(np.array([0, 255, 256, 999, 65535], np.uint16), (6, 5))
    path = tmp_path / "mask.png"
    drawing.write_label_map(path, labels, [(0, 0, 0)] * 1000)
    with Image.open(path) as image:
        assert image.format == "PNG"
    read = imaging.read_label_map(path)
    assert read.dtype == np.uint16
    np.testing.assert_array_equal(read, labels)


def test_overlays_of_many_classes_look_as_those_of_few(random: np.random.Generator) -> None:
    picture = random.integers(0, 256, (40, 30, 3), dtype=np.uint8)
    labels = random.integers(0, 3, (40, 30), dtype=np.uint8)
    labels[:2] = 255
    wide = labels.astype(np.uint16)
    wide[:2] = 65535
    np.testing.assert_array_equal(
        drawing.overlay(picture, wide, PALETTE), drawing.overlay(picture, labels, PALETTE)
    )


def test_a_stored_label_map_shows_the_colours_of_its_labels() -> None:
    encoded = drawing.encode_label_map(np.array([[0, 1, 2, 255]], np.uint8), PALETTE)
    with Image.open(io.BytesIO(encoded)) as image:
        assert image.mode == "P"
        assert np.asarray(image.convert("RGB")).tolist() == [
            [[0, 0, 0], [128, 0, 0], [0, 128, 0], [224, 224, 192]]
        ]


def test_the_overlay_leaves_the_background_alone(picture: Array) -> None:
    labels = np.zeros(picture.shape[:2], np.uint8)
    np.testing.assert_array_equal(drawing.overlay(picture, labels, PALETTE), picture)


def test_the_overlay_mixes_colours_by_the_opacity(picture: Array) -> None:
    labels = np.ones(picture.shape[:2], np.uint8)
    for opacity in (0.0, 0.25, 1.0):
        drawn = drawing.overlay(picture, labels, PALETTE, opacity=opacity)
        expected = (1 - opacity) * picture + opacity * np.array(PALETTE[1])
        assert np.abs(drawn - expected).max() <= 1.5  # opacity and colours are 8-bit numbers


def test_the_overlay_outlines_regions_in_their_full_colour(picture: Array) -> None:
    labels = np.zeros(picture.shape[:2], np.uint8)
    labels[2:5, 3:6] = 1
    drawn = drawing.overlay(picture, labels, PALETTE)
    assert tuple(drawn[4, 5]) == PALETTE[1]  # background below and to the right
    assert tuple(drawn[2, 3]) != PALETTE[1]


def test_the_cutout_is_empty_outside(picture: Array) -> None:
    keep = np.zeros(picture.shape[:2], np.bool_)
    keep[1:3] = True
    rgba = drawing.cut_out(picture, keep)
    np.testing.assert_array_equal(rgba[1:3, :, :3], picture[1:3])
    assert (rgba[1:3, :, 3] == 255).all()
    assert not rgba[3:].any()
