import numpy as np
import pytest
from PIL import Image

from deeplab import bands, imaging


@pytest.fixture
def values() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (6, 5, 4), dtype=np.uint8)


@pytest.mark.parametrize(
    ("mode", "num_bands"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4), ("CMYK", 4)]
)
def test_a_picture_with_as_many_bands_is_read_as_it_is_stored(values, tmp_path, mode, num_bands):
    stored = values[..., 0] if num_bands == 1 else np.ascontiguousarray(values[..., :num_bands])
    path = tmp_path / "picture.tif"
    Image.frombytes(mode, (5, 6), stored.tobytes()).save(path)
    assert np.array_equal(bands.read_bands(path, num_bands), values[..., :num_bands])
    assert bands.read_size(path) == (6, 5)


def test_three_bands_are_what_read_picture_gives(values, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(values).save(path)  # RGBA: laid on white
    assert np.array_equal(bands.read_bands(path, 3), imaging.read_picture(path))


def test_coloured_pictures_become_grey_for_one_band(values, tmp_path):
    image = Image.fromarray(values[..., :3])
    image.save(tmp_path / "picture.png")
    grey = bands.read_bands(tmp_path / "picture.png", 1)
    assert np.array_equal(grey[..., 0], np.asarray(image.convert("L")))


def test_grey_of_16_bits_is_scaled_to_8(tmp_path):
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257, 128 * 257 + 128, 65535]], np.uint16)).save(path)
    assert bands.read_bands(path, 1)[..., 0].tolist() == [[0, 1, 128, 255]]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_array_of_any_number_of_bands_is_read(tmp_path, dtype):
    stored = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (6, 5, 7), dtype=dtype)
    np.save(tmp_path / "picture.npy", stored)
    expected = stored if dtype == np.uint8 else np.floor(stored / 257 + 0.5)
    read = bands.read_bands(tmp_path / "picture.npy", 7)
    assert read.dtype == np.uint8
    assert np.array_equal(read, expected)
    assert bands.read_size(tmp_path / "picture.npy") == (6, 5)


def test_the_pages_of_a_tiff_are_put_one_behind_the_other(values, tmp_path):
    pages = [Image.fromarray(values[..., :3]), *(Image.fromarray(values[..., 3]) for _ in range(2))]
    path = tmp_path / "pages.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    read = bands.read_bands(path, 5)
    assert np.array_equal(read, values[..., [0, 1, 2, 3, 3]])
    deep = [Image.fromarray(values[..., band].astype(np.uint16) * 257) for band in range(4)]
    deep[0].save(path, save_all=True, append_images=deep[1:])
    assert np.array_equal(bands.read_bands(path, 4), values)


def test_an_array_that_is_a_picture_already_is_taken(values):
    assert bands.read_bands(values, 4) is values
    assert bands.read_bands(values[..., :3], 3).shape == (6, 5, 3)
    with pytest.raises(ValueError, match=r"\(6, 5, 4\) and dtype uint8.*shape \(H, W, 6\)"):
        bands.read_bands(values, 6)


def test_another_number_of_bands_is_named(values, tmp_path):
    Image.fromarray(values[..., :3]).save(tmp_path / "picture.png")
    with pytest.raises(ValueError, match=r"picture\.png: 3 bands, but 6 are wanted; give"):
        bands.read_bands(tmp_path / "picture.png", 6)


def test_pages_of_different_sizes_are_refused(values, tmp_path):
    image = Image.fromarray(values[..., 0])
    path = tmp_path / "pages.tif"
    image.save(path, save_all=True, append_images=[image.resize((3, 3))])
    with pytest.raises(ValueError, match=r"pages\.tif: its pages have different sizes"):
        bands.read_bands(path, 2)


@pytest.mark.parametrize(
    ("stored", "message"),
    [
        (np.zeros((2, 2, 4), np.float32), r"values of float32; allowed are uint8 and uint16"),
        (np.zeros(4, np.uint8), r"of shape \(H, W\) or \(H, W, bands\)"),
    ],
)
def test_other_arrays_are_refused(tmp_path, stored, message):
    np.save(tmp_path / "picture.npy", stored)
    with pytest.raises(ValueError, match=message):
        bands.read_bands(tmp_path / "picture.npy", 4)


def test_what_is_no_array_is_named(tmp_path):
    (tmp_path / "picture.npy").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"picture\.npy: not an array"):
        bands.read_bands(tmp_path / "picture.npy", 4)
    with pytest.raises(ValueError, match=r"none\.npy: no such file"):
        bands.read_size(tmp_path / "none.npy")
