from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from deeplab.data.checks.raw_labels import glance_at_labels, look_at_labels, read_raw

LABELS = np.random.default_rng(0).integers(0, 5, (12, 10), dtype=np.uint8)


def saved(tmp_path: Path, image: Image.Image, name: str = "x.png") -> Path:
    image.save(tmp_path / name)
    return tmp_path / name


def rgba(colours: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([colours, alpha]).astype(np.uint8))


@pytest.mark.parametrize(
    ("image", "mode"),
    [
        (Image.fromarray(LABELS), "L"),
        (Image.fromarray(LABELS.astype(np.uint16)), "I;16"),
        (Image.fromarray(LABELS.astype(np.int32)), "I"),
        (Image.fromarray(LABELS).convert("LA"), "LA"),
        (Image.fromarray(np.dstack([LABELS] * 3)), "RGB"),
        (rgba(np.zeros((12, 10, 3)), LABELS), "RGBA"),
    ],
)
def test_values_are_read_whatever_holds_them(tmp_path, image, mode):
    suffix = ".tif" if mode == "I" else ".png"
    raw = read_raw(saved(tmp_path, image, f"x{suffix}"))
    assert raw.view == "values"
    assert raw.mode == mode
    assert_array_equal(raw.pixels, LABELS)


def test_indices_are_read_with_the_colours_that_the_file_gives_them(tmp_path):
    image = Image.fromarray(LABELS)
    image.putpalette(np.arange(768, dtype=np.uint16).astype(np.uint8).tobytes())
    raw = read_raw(saved(tmp_path, image))
    assert_array_equal(raw.pixels, LABELS)
    assert raw.palette is not None
    assert raw.palette[2] == 0x060708
    assert_array_equal(look_at_labels(tmp_path / "x.png").own_colours, raw.palette[:5])


def test_colours_are_packed_and_an_opaque_alpha_is_dropped(tmp_path):
    colours = np.zeros((12, 10, 3), np.uint8)
    colours[:6] = 1, 2, 3
    for image in (Image.fromarray(colours), rgba(colours, np.full((12, 10), 255))):
        facts = look_at_labels(saved(tmp_path, image))
        assert facts.view == "colours"
        assert facts.codes.tolist() == [0, 0x010203]
        assert facts.counts.tolist() == [60, 60]


def test_what_is_counted_is_what_numpy_counts(tmp_path):
    facts = look_at_labels(saved(tmp_path, Image.fromarray(LABELS)))
    codes, counts = np.unique(LABELS, return_counts=True)
    assert_array_equal(facts.codes, codes)
    assert_array_equal(facts.counts, counts)


def test_of_very_many_colours_the_most_frequent_are_kept(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    picture[:5] = 9, 8, 7
    facts = look_at_labels(saved(tmp_path, Image.fromarray(picture)))
    assert len(facts.codes) == 4096
    assert facts.counts[facts.codes.tolist().index(0x090807)] == 450


def test_fractions_are_no_labels(tmp_path):
    path = saved(tmp_path, Image.fromarray(LABELS / np.float32(2)), "x.tif")
    assert look_at_labels(path).problem == "holds fractions; a label map holds whole numbers"


def test_a_glance_tells_size_and_mode_without_decoding(tmp_path):
    path = saved(tmp_path, Image.fromarray(LABELS))
    path.write_bytes(path.read_bytes()[:60])
    head = glance_at_labels(path)
    assert (head.problem, head.size, head.mode, head.is_decoded) == ("", (12, 10), "L", False)
    assert "cut short" in look_at_labels(path).problem


def test_a_glance_at_something_else_says_why(tmp_path):
    (tmp_path / "x.png").write_bytes(b"")
    assert "0 bytes" in glance_at_labels(tmp_path / "x.png").problem
