import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from deeplab import imaging

Array = NDArray[Any]


def test_no_thread_switches_warnings_on_for_another_that_reads() -> None:
    is_inside, may_leave = threading.Event(), threading.Event()

    def read() -> None:
        with imaging.without_warnings:
            is_inside.set()
            may_leave.wait(timeout=60)

    before = list(warnings.filters)
    first = threading.Thread(target=read)
    first.start()
    is_inside.wait(timeout=60)
    with imaging.without_warnings:
        may_leave.set()
        first.join()
        warnings.warn("of a broken EXIF block", stacklevel=1)  # everywhere else it is an error
    assert warnings.filters == before


# Reading pictures


def test_a_picture_reads_the_same_from_path_stream_image_and_array(
    picture: Array, tmp_path: Path
) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    with path.open("rb") as stream:
        for source in (path, str(path), stream, Image.open(path), picture):
            np.testing.assert_array_equal(imaging.read_picture(source), picture)


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 100, (100, 100, 100)),
        ("LA", (100, 255), (100, 100, 100)),
        ("LA", (100, 0), (255, 255, 255)),
        ("La", (100, 255), (100, 100, 100)),
        ("I", 65535, (255, 255, 255)),
        ("I", 100, (100, 100, 100)),
        ("I;16", 257 * 100, (100, 100, 100)),
        ("I;16", 200, (1, 1, 1)),
        ("I;16B", 65535, (255, 255, 255)),
        ("F", 0.5, (128, 128, 128)),
        ("F", 200.0, (200, 200, 200)),
        ("RGB", (10, 20, 30), (10, 20, 30)),
        ("RGBX", (10, 20, 30, 0), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("RGBa", (10, 20, 30, 255), (10, 20, 30)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("YCbCr", (100, 128, 128), (100, 100, 100)),
        ("HSV", (0, 0, 100), (100, 100, 100)),
    ],
)
def test_every_mode_of_pillow_becomes_rgb(
    mode: str, colour: Any, expected: tuple[int, int, int]
) -> None:
    pixels = imaging.read_picture(Image.new(mode, (3, 2), colour))
    assert pixels.shape == (2, 3, 3)
    assert pixels.dtype == np.uint8
    assert (pixels == expected).all()


def test_lab_becomes_rgb() -> None:
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.new("RGB", (3, 2), (200, 30, 30)), to_lab)
    assert lab is not None
    difference = imaging.read_picture(lab).astype(int) - (200, 30, 30)
    assert np.abs(difference).max() <= 3  # LAB is stored in 8 bits


def test_a_palette_with_a_transparent_colour_is_laid_on_white() -> None:
    image = Image.new("P", (2, 1), 0)
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    stored = io.BytesIO()
    image.save(stored, "PNG", transparency=0)
    stored.seek(0)
    assert imaging.read_picture(stored).tolist() == [[[255, 255, 255], [40, 50, 60]]]


def test_16_bit_png_files_keep_their_brightness(tmp_path: Path) -> None:
    path = tmp_path / "deep.png"
    Image.fromarray(np.array([[0, 257 * 77, 65535]], dtype=np.uint16)).save(path)
    assert imaging.read_picture(path)[0, :, 0].tolist() == [0, 77, 255]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".bmp", ".tif", ".gif", ".ppm"])
def test_common_formats_are_read(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"grey{suffix}"
    Image.new("RGB", (16, 8), (120, 120, 120)).save(path)
    pixels = imaging.read_picture(path)
    assert pixels.shape == (8, 16, 3)
    assert np.abs(pixels.astype(int) - 120).max() <= 2  # lossy formats


@pytest.mark.parametrize(
    ("orientation", "top_left", "top_right"),
    [
        (1, "a", "b"),
        (2, "b", "a"),
        (3, "d", "c"),
        (4, "c", "d"),
        (5, "a", "c"),
        (6, "c", "a"),
        (7, "d", "b"),
        (8, "b", "d"),
    ],
)
def test_the_exif_orientation_is_applied(
    orientation: int, top_left: str, top_right: str, tmp_path: Path
) -> None:
    corners = {"a": 10, "b": 90, "c": 170, "d": 250}  # as stored: a b above c d
    image = Image.new("L", (2, 2))
    image.putdata(list(corners.values()))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.png"
    image.save(path, exif=exif)
    pixels = imaging.read_picture(path)[..., 0]
    assert pixels[0].tolist() == [corners[top_left], corners[top_right]]


def test_a_broken_exif_block_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "odd.jpg"
    Image.new("RGB", (8, 8)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\x05\0\x12\x01")
    assert imaging.read_picture(path).shape == (8, 8, 3)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4), np.uint8), r"shape \(4, 4\).*np\.stack"),
        (np.zeros((4, 4, 4), np.uint8), r"Image\.fromarray"),
        (np.zeros((3, 4, 5), np.uint8), "transpose"),
        (np.zeros((1, 4, 4, 3), np.uint8), "one picture at a time"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(H, W, 3\)"),
        (np.zeros((0, 4, 3), np.uint8), "has no pixels"),
        (np.zeros((4, 4, 3), np.float32), r"float32.*array \* 255"),
        (np.full((4, 4, 3), 200.0), r"float64.*bring the values to 0\.\.255"),
        (np.zeros((4, 4, 3), np.int64), r"int64.*bring the values to 0\.\.255"),
        (np.full((4, 4, 3), np.nan), "NaN or infinite"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array: Array, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        imaging.read_picture(array)


@pytest.mark.parametrize("values", [[[np.nan, 0.5]], [[-1.0, 0.5]], [[0.0, 300.0]]])
def test_float_images_outside_their_range_are_refused(values: list[list[float]]) -> None:
    image = Image.fromarray(np.array(values, dtype=np.float32))
    with pytest.raises(ValueError, match=r"allowed are 0\.\.1 or 0\.\.255"):
        imaging.read_picture(image)


def test_integer_images_outside_their_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"grey values 70000\.\.70000; allowed are 0\.\.255 or"):
        imaging.read_picture(Image.new("I", (2, 2), 70000))


def test_an_image_without_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="0x4 pixels"):
        imaging.read_picture(Image.new("RGB", (0, 4)))


def test_other_objects_are_refused_by_their_type() -> None:
    with pytest.raises(ValueError, match="from list; give a path"):
        imaging.read_picture([1, 2, 3])  # type: ignore[arg-type]


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.jpg: no such file"):
        imaging.read_picture(tmp_path / "nowhere.jpg")


def test_a_folder_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is a folder"):
        imaging.read_picture(tmp_path)


def test_an_empty_file_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "empty.jpg"
    path.touch()
    with pytest.raises(ValueError, match=r"empty.jpg: is empty \(0 bytes\)"):
        imaging.read_picture(path)


def test_a_text_file_is_no_picture(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no picture at all")
    with pytest.raises(ValueError, match=r"notes.txt: not a picture that Pillow can read$"):
        imaging.read_picture(path)


def test_heic_gets_the_advice_to_convert_it(tmp_path: Path) -> None:
    path = tmp_path / "IMG_1.HEIC"
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(32))
    with pytest.raises(ValueError, match="convert HEIC to JPEG"):
        imaging.read_picture(path)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".gif", ".webp"])
def test_a_truncated_file_is_reported(
    suffix: str, random: np.random.Generator, tmp_path: Path
) -> None:
    path = tmp_path / f"cut{suffix}"
    Image.fromarray(random.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ValueError, match=f"cut{suffix}: (damaged or cut short|not a picture)"):
        imaging.read_picture(path)


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_that_claims(width=60_000, height=60_000))
    with pytest.raises(ValueError, match=r"bomb.png: too many pixels.*MAX_IMAGE_PIXELS"):
        imaging.read_picture(path)


def test_a_large_photo_is_no_bomb(monkeypatch: pytest.MonkeyPatch, picture: Array) -> None:
    # Pillow warns from its limit on, and refuses from twice the limit on.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", picture[..., 0].size - 1)
    stored = io.BytesIO()
    Image.fromarray(picture).save(stored, "PNG")
    stored.seek(0)
    np.testing.assert_array_equal(imaging.read_picture(stored), picture)


def _png_that_claims(*, width: int, height: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


# Label maps


def test_a_grey_label_map_is_read_as_indices(tmp_path: Path) -> None:
    path = tmp_path / "grey.png"
    Image.fromarray(np.array([[0, 7, 255]], np.uint8)).save(path)
    assert imaging.read_label_map(path).tolist() == [[0, 7, 255]]


def test_label_maps_are_not_turned(tmp_path: Path) -> None:
    path = tmp_path / "turned.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.array([[1, 2, 3]], np.uint8)).save(path, exif=exif)
    assert imaging.read_label_map(path).tolist() == [[1, 2, 3]]


def test_a_label_map_of_colours_is_refused(picture: Array, tmp_path: Path) -> None:
    path = tmp_path / "colours.png"
    Image.fromarray(picture).save(path)
    with pytest.raises(ValueError, match=r"colours.png: a RGB picture.*one label index per pixel"):
        imaging.read_label_map(path)


def test_a_jpeg_label_map_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "blurred.jpg"
    Image.new("L", (8, 8)).save(path)
    with pytest.raises(ValueError, match="JPEG blurs label indices"):
        imaging.read_label_map(path)


def test_a_missing_label_map_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        imaging.read_label_map(tmp_path / "nowhere.png")


def test_real_pictures_and_their_label_maps_have_the_same_size(real_voc_root: Path) -> None:
    for label_path in sorted((real_voc_root / "SegmentationClassAug").glob("*.png"))[:5]:
        picture = imaging.read_picture(real_voc_root / "JPEGImages" / f"{label_path.stem}.jpg")
        labels = imaging.read_label_map(label_path)
        assert picture.shape[:2] == labels.shape
        assert set(np.unique(labels)) <= {*range(21), 255}


# Resampling


def _bilinear_by_hand(values: Array, row: float, column: float) -> Array:
    row = min(max(row, 0), values.shape[0] - 1)
    column = min(max(column, 0), values.shape[1] - 1)
    top, left = int(row), int(column)
    bottom, right = min(top + 1, values.shape[0] - 1), min(left + 1, values.shape[1] - 1)
    down, across = row - top, column - left
    upper = values[top, left] * (1 - across) + values[top, right] * across
    lower = values[bottom, left] * (1 - across) + values[bottom, right] * across
    return np.asarray(upper * (1 - down) + lower * down)


@pytest.mark.parametrize("size", [(7, 9), (13, 17), (4, 5), (1, 1), (7, 3)])
def test_resizing_agrees_with_interpolation_by_hand(size: tuple[int, int], picture: Array) -> None:
    resized = imaging.resize_picture(picture, *size)
    for y, row in enumerate(np.linspace(0, 6, size[0])):
        for x, column in enumerate(np.linspace(0, 8, size[1])):
            expected = _bilinear_by_hand(picture.astype(float), row, column)
            # Half a grey level by rounding, and a little more where float32 rounds a tie.
            assert np.abs(resized[y, x] - expected).max() <= 0.5001


def test_zooming_keeps_the_original_pixels(picture: Array) -> None:
    zoomed = imaging.resize_picture(picture, 6 * 4 + 1, 8 * 4 + 1)
    np.testing.assert_array_equal(zoomed[::4, ::4], picture)


def test_sampling_scores_agrees_with_interpolation_by_hand(random: np.random.Generator) -> None:
    scores = random.normal(size=(3, 4, 5)).astype(np.float32)
    rows, columns = random.uniform(-2, 6, 7), random.uniform(-2, 7, 6)
    sampled = imaging.sample_scores(scores, rows, columns)
    assert sampled.dtype == np.float32
    for y, row in enumerate(rows):
        for x, column in enumerate(columns):
            expected = _bilinear_by_hand(scores.transpose(1, 2, 0), row, column)
            np.testing.assert_allclose(sampled[:, y, x], expected, atol=1e-6)  # float32


def test_sampling_at_the_grid_points_changes_nothing(random: np.random.Generator) -> None:
    scores = random.normal(size=(3, 4, 5)).astype(np.float32)
    np.testing.assert_array_equal(imaging.sample_scores(scores, np.arange(4), np.arange(5)), scores)


def test_shrinking_leaves_small_pictures_alone(picture: Array) -> None:
    assert imaging.shrink_picture(picture, 9) is picture


def test_shrinking_averages_what_falls_together() -> None:
    checkerboard = np.indices((64, 96)).sum(axis=0) % 2 * 255
    picture = np.repeat(checkerboard.astype(np.uint8)[..., None], 3, axis=2)
    shrunk = imaging.shrink_picture(picture, 12)
    assert shrunk.shape == (8, 12, 3)
    assert np.abs(shrunk.astype(int) - 127).max() <= 1  # 127.5, rounded


def test_shrinking_never_loses_a_side() -> None:
    assert imaging.shrink_picture(np.zeros((1, 900, 3), np.uint8), 30).shape == (1, 30, 3)
