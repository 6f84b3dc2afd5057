import numpy as np
import pytest
from PIL import Image

from deeplab import drawing
from deeplab.data.colours import labels_of_colours, read_labels_in_palette
from deeplab.labels import VOC12

LABELS = np.array([[0, 1, 2], [15, 20, 255]], np.uint8)


def colour_picture() -> Image.Image:
    encoded = Image.fromarray(LABELS)
    palette = np.zeros((256, 3), np.uint8)
    palette[:21] = VOC12.palette
    palette[255] = (224, 224, 192)
    encoded.putpalette(palette.tobytes())
    return encoded.convert("RGB")


def test_the_official_palette_gives_indices(tmp_path):
    drawing.write_label_map(tmp_path / "a.png", LABELS, VOC12.palette)
    read = read_labels_in_palette(tmp_path / "a.png", VOC12.palette)
    assert np.array_equal(read, LABELS)


def test_grey_values_and_grey_palettes_give_indices(tmp_path):
    Image.fromarray(LABELS).save(tmp_path / "grey.png")
    ramp = Image.fromarray(LABELS)
    ramp.putpalette(np.repeat(np.arange(256, dtype=np.uint8), 3).tobytes())
    ramp.save(tmp_path / "ramp.png")
    for name in ("grey.png", "ramp.png"):
        assert np.array_equal(read_labels_in_palette(tmp_path / name, VOC12.palette), LABELS)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_give_their_labels(tmp_path, mode):
    colour_picture().convert(mode).save(tmp_path / "a.png")
    assert np.array_equal(read_labels_in_palette(tmp_path / "a.png", VOC12.palette), LABELS)


def test_a_palette_that_was_sorted_anew_still_gives_labels(tmp_path):
    sorted_anew = colour_picture().quantize(colors=6)
    assert not np.array_equal(np.asarray(sorted_anew), LABELS)  # else this shows nothing
    sorted_anew.save(tmp_path / "a.png")
    assert np.array_equal(read_labels_in_palette(tmp_path / "a.png", VOC12.palette), LABELS)


def test_other_colours_are_refused_by_name(tmp_path):
    Image.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: colours \(1, 2, 3\) are not in the palette"):
        read_labels_in_palette(tmp_path / "a.png", VOC12.palette)
    other = Image.fromarray(LABELS)
    other.putpalette([9, 9, 9] * 256)
    other.save(tmp_path / "b.png")
    with pytest.raises(ValueError, match=r"\(9, 9, 9\)"):
        read_labels_in_palette(tmp_path / "b.png", VOC12.palette)


def test_of_two_labels_of_one_colour_the_first_counts():
    picture = np.zeros((1, 1, 3), np.uint8)
    assert labels_of_colours(picture, [(5, 5, 5), (0, 0, 0), (0, 0, 0)], "a") == 1


def test_jpeg_and_what_is_no_picture_are_refused(tmp_path):
    colour_picture().save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="JPEG"):
        read_labels_in_palette(tmp_path / "a.jpg", VOC12.palette)
    (tmp_path / "b.png").write_text("none")
    with pytest.raises(ValueError, match=r"b\.png: not a picture"):
        read_labels_in_palette(tmp_path / "b.png", VOC12.palette)
