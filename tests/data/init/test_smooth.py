import numpy as np
import pytest
from PIL import Image

from deeplab.data.init.smooth import blends_colours, blends_values
from deeplab.data.init.survey import to_code
from deeplab.labels import voc_palette


def counts_of(image: Image.Image) -> dict[int, int]:
    pixels = np.asarray(image.convert("RGB")).reshape(-1, 3).tolist()
    codes = [to_code(tuple(pixel)) for pixel in pixels]
    return {code: codes.count(code) for code in set(codes)}


def painted(colours) -> Image.Image:
    return Image.fromarray(
        np.array(colours, np.uint8)[np.add.outer(*2 * [np.arange(48) // 12]) % len(colours)]
    )


THREE = [(0, 0, 0), (220, 20, 60), (0, 80, 100)]


@pytest.mark.parametrize("how", [Image.Resampling.BILINEAR, Image.Resampling.LANCZOS])
def test_colours_that_were_resized_smoothly_are_blends(how):
    assert blends_colours(counts_of(painted(THREE).resize((111, 87), how)))


def test_colours_that_were_resized_to_the_nearest_are_none():
    assert not blends_colours(counts_of(painted(THREE).resize((111, 87), Image.Resampling.NEAREST)))


def test_all_colours_of_voc_are_no_blends():
    assert not blends_colours({to_code(colour): 1000 for colour in voc_palette(200)})


def test_ids_saved_as_grey_colours_are_no_blends():
    assert not blends_colours({to_code((value, value, value)): 1000 for value in range(40)})


def test_black_and_white_with_greys_between_is_a_blend():
    rows, columns = np.mgrid[-100:100, -100:100]
    disc = Image.fromarray(np.where(rows**2 + columns**2 < 4000, 255, 0).astype(np.uint8))
    found = np.bincount(np.asarray(disc.resize((311, 297), Image.Resampling.BICUBIC)).ravel())
    counts = {int(value): int(found[value]) for value in np.flatnonzero(found)}
    assert blends_values(counts)
    assert blends_colours({to_code((v, v, v)): count for v, count in counts.items()})
    assert not blends_values({0: 100, 255: 100})
    assert not blends_values({value: 100 for value in (*range(150), 255)})
