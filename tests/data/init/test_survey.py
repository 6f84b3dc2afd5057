import numpy as np
import pytest
from PIL import Image
from tests.data.init.samples import write_picture

from deeplab.data.duplicates import fingerprint
from deeplab.data.init.parts import Item
from deeplab.data.init.survey import look_at, sum_up, to_code, to_colour


def seen(tmp_path, image, name="0", **options):
    write_picture(tmp_path / "0.png", 0, height=image.height, width=image.width)
    image.save(tmp_path / f"{name}_m.png", **options)
    return look_at([Item("0", tmp_path / "0.png", tmp_path / f"{name}_m.png")])[0]


def test_values_and_what_touches_what_are_counted(tmp_path):
    labels = np.array([[0, 0, 1], [0, 7, 1]], np.uint8)
    one = seen(tmp_path, Image.fromarray(labels))
    assert one.counts == {0: 3, 1: 2, 7: 1}
    assert one.touching == {(0, 1): 1, (0, 7): 2, (1, 7): 1}
    assert one.fingerprint == fingerprint(tmp_path / "0.png")
    assert not one.is_painted
    assert not one.size_differs


def test_values_of_16_bits_are_counted(tmp_path):
    labels = np.array([[0, 300], [65535, 300]], np.uint16)
    assert seen(tmp_path, Image.fromarray(labels)).counts == {0: 1, 300: 2, 65535: 1}


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_counted(mode, tmp_path):
    painted = Image.fromarray(np.array([[[1, 2, 3], [9, 8, 7]]], np.uint8)).convert(mode)
    one = seen(tmp_path, painted)
    assert one.is_painted
    assert one.counts == {to_code((1, 2, 3)): 1, to_code((9, 8, 7)): 1}
    assert to_colour(to_code((9, 8, 7))) == (9, 8, 7)


def test_palettes_that_agree_are_kept_and_others_make_it_painted(tmp_path):
    image = Image.fromarray(np.array([[0, 1]], np.uint8))
    image.putpalette(bytes([5, 5, 5, 200, 0, 0]))
    one = seen(tmp_path, image)
    again = seen(tmp_path, image, "1")
    assert sum_up([one, again]).palette == {0: (5, 5, 5), 1: (200, 0, 0)}
    image.putpalette(bytes([200, 0, 0, 5, 5, 5]))
    other = seen(tmp_path, image, "2")
    survey = sum_up([one, again, other])
    assert survey.is_painted
    assert survey.counts == {to_code((5, 5, 5)): 3, to_code((200, 0, 0)): 3}


def test_files_that_cannot_be_used_have_a_fault(tmp_path):
    image = Image.fromarray(np.zeros((4, 4), np.float32))
    write_picture(tmp_path / "0.png", 0, height=4, width=4)
    image.save(tmp_path / "f.tif")
    (tmp_path / "no.png").write_bytes(b"no")
    names = (("0.png", "f.tif"), ("0.png", "no.png"), ("no.png", "0.png"))
    faults = [
        one.fault for one in look_at([Item("", tmp_path / a, tmp_path / b) for a, b in names])
    ]
    assert "f.tif: a F picture is no label map" in faults[0]
    assert all("no.png: not a picture" in fault for fault in faults[1:])
