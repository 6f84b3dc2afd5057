import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deeplab import imaging, inference
from deeplab.cli.main import main


@pytest.fixture
def segment(network_path, tmp_path, monkeypatch, capsys):
    """Run `deeplab segment` with the colour network, in a folder with two pictures."""
    monkeypatch.chdir(tmp_path)
    pixels = np.zeros((90, 150, 3), np.uint8)
    pixels[20:60, 40:100] = (255, 0, 0)
    Image.fromarray(pixels).save("a.png")
    Image.fromarray(pixels[::-1]).save("b.jpg", quality=95)

    def run(*arguments):
        monkeypatch.setattr(
            sys, "argv", ["deeplab", "segment", "--weights", str(network_path), *arguments]
        )
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


def test_tiles_give_the_mask_that_there_is_without_them(segment):
    segment("a.png", "--out", "whole")
    code, out, _ = segment("a.png", "--tile", "64", "--overlap", "0.3")
    assert code == 0
    assert "cat" in out
    found, expected = (
        imaging.read_label_map(Path(folder, "a.mask.png")) for folder in ("segmented", "whole")
    )
    np.testing.assert_array_equal(found, expected)
    assert Path("segmented/a.overlay.jpg").is_file()


def test_large_and_other_pictures_go_together(segment):
    tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
    keys = (34735, "H", 4, (1, 1, 0, 0))
    with Image.open("a.png") as image:
        tifffile.imwrite("c.tif", np.asarray(image), photometric="rgb", extratags=[keys])
    pytest.importorskip("rasterio", reason="needs the geo extra")
    code, out, err = segment("a.png", "b.jpg", "c.tif")
    assert code == 0, err
    assert "3 done" in out
    assert Path("segmented/c.mask.tif").is_file()
    assert "3 skipped" in segment("a.png", "b.jpg", "c.tif")[1]


def test_a_damaged_picture_stops_nothing(segment):
    Path("broken.png").write_bytes(b"no picture")
    code, _, err = segment("broken.png", "a.png", "--memory", "1GB")
    assert code == 1
    assert "broken.png: not a picture" in err
    assert Path("segmented/a.mask.png").is_file()


@pytest.fixture
def interrupt(monkeypatch):
    """Press Ctrl-C when so many tiles are scored."""
    score = inference.Segmenter.score_as_is
    left = [-1]

    def score_and_press(segmenter, picture):
        if picture.shape[:2] != (97, 97):  # that one tells networks apart
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGINT)
        return score(segmenter, picture)

    def press_after(tiles):
        left[0] = tiles

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # it may be ignored
    monkeypatch.setattr(inference.Segmenter, "score_as_is", score_and_press)
    yield press_after
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_in_a_picture_in_tiles_says_that_the_same_command_goes_on(segment, interrupt):
    segment("a.png", "--tile", "32", "--out", "at once")
    interrupt(20)
    code, out, err = segment("a.png", "--tile", "32")
    assert (code, out) == (130, "")
    assert "stopped (Ctrl-C): the same command goes on with a.png from the last row of til" in err
    interrupt(-1)
    code, out, err = segment("a.png", "--tile", "32")
    assert code == 0
    assert "goes on" not in err
    for name in ("a.mask.png", "a.overlay.jpg"):
        assert Path("segmented", name).read_bytes() == Path("at once", name).read_bytes()


def test_what_was_interrupted_long_ago_is_told_of_when_others_come(segment, interrupt, caplog):
    interrupt(20)
    segment("a.png", "--tile", "32")
    kept = Path("segmented/.a.unfinished")
    when = time.time() - 3 * 86_400
    os.utime(kept, (when, when))
    assert segment("b.jpg", "--tile", "32")[0] == 0
    (record,) = caplog.records
    assert f"interrupted: {kept} (0 MB, 3 days old)" in record.getMessage()
    assert segment("a.png", "--tile", "32")[0] == 0
    assert len(caplog.records) == 1
    assert not kept.exists()


def test_ctrl_c_before_any_row_of_tiles_is_done_promises_nothing(segment, interrupt):
    interrupt(1)
    code, _, err = segment("a.png", "--tile", "32")
    assert code == 130
    assert err == "stopped (Ctrl-C): nothing of a.png is kept\n"


def test_ctrl_c_in_several_pictures_names_those_whose_rows_are_kept(segment, interrupt):
    segment("a.png", "--tile", "32")
    interrupt(20)
    code, _, err = segment("a.png", "b.jpg", "--tile", "32")
    assert code == 130
    assert err.splitlines()[-2:] == [
        "stopped (Ctrl-C): 1 of 2 are left; the same command goes on with them",
        "the same command goes on with b.jpg from the last row of tiles that was done",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tile", "big"], "--tile big: give pixels, such as 1024, or auto"),
        (["--tile", "5"], "tile 5: give 32 pixels or more, or 'auto'"),
        (["--memory", "much"], "memory much: give a size, such as 2GB or 800MB"),
        (["--memory", "1MB", "--tile", "auto"], "memory 0.001 GB: too little for a picture"),
        (["--tile", "64", "--window", "64"], "--window and tiles (--tile, --memory) exclude"),
        (["--memory", "1GB", "--longest-side", "64"], "--longest-side and tiles"),
        (["--tile", "64", "--overlap", "2"], "overlap 2: give the share of a tile"),
        (["--tile", "none", "--memory", "1GB"], "--tile none and --memory exclude one another"),
        (["--tile", "none", "--level", "1"], "--tile none and --level exclude one another"),
        (["--overlap", "0.3"], "overlap 0.3 is of windows or tiles: give their size too"),
        (["--value-range", "5"], "--value-range 5: give two numbers"),
        (["--bands", "1.5,2,3"], "--bands 1.5,2,3: give whole numbers"),
        (["--bands", "4,3"], "bands 4,3: the network takes 3"),
        (["--bands", "3,2,1"], "--bands and --value-range are of TIFF files and rasters"),
    ],
)
def test_wrong_options_do_nothing_and_say_what_is_allowed(segment, arguments, message):
    code, _, err = segment("a.png", *arguments)
    assert code == 2
    assert message in err
    assert not list(Path("segmented").glob("*"))


@pytest.fixture
def geotiff(segment):
    """The first picture, as a TIFF file that lies on earth."""
    tifffile = pytest.importorskip("tifffile", reason="needs the tiff extra")
    with Image.open("a.png") as image:
        pixels = np.asarray(image)
    keys = (34735, "H", 4, (1, 1, 0, 0))
    tifffile.imwrite("earth.tif", pixels, photometric="rgb", extratags=[keys])
    return "earth.tif"


def test_without_tiles_a_geotiff_is_a_photo_like_any_other(segment, geotiff, caplog):
    segment("a.png", "--save", "mask,cutouts,coco")
    code, _, err = segment(geotiff, "--tile", "none", "--save", "mask,cutouts,coco")
    assert code == 0, err
    assert not caplog.records
    np.testing.assert_array_equal(
        *(imaging.read_label_map(Path("segmented", f"{name}.mask.png")) for name in ("a", "earth"))
    )
    assert Path("segmented/earth.coco.json").is_file()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--window", "64"), "--window"),
        (("--longest-side", "75"), "--longest-side"),
        (("--save", "mask,labelme"), "output 'labelme'"),
    ],
)
def test_a_geotiff_is_done_as_a_whole_for_what_tiles_lack(segment, geotiff, caplog, options, why):
    segment("a.png", *options)
    code, _, err = segment(geotiff, *options)
    assert code == 0, err
    (record,) = caplog.records
    assert f"earth.tif: done as a whole for {why}, which tiles lack" in record.message
    np.testing.assert_array_equal(
        *(imaging.read_label_map(Path("segmented", f"{name}.mask.png")) for name in ("a", "earth"))
    )


@pytest.mark.parametrize("options", [("--tile", "none"), ("--save", "overlay,labelme")])
def test_a_geotiff_that_was_done_as_a_whole_is_not_taken_for_one_in_tiles(
    segment, geotiff, caplog, options
):
    segment(geotiff, "a.png", *options)
    caplog.clear()
    assert "2 skipped" in segment(geotiff, "a.png", "--save", "overlay")[1]
    assert "other settings: GeoTIFF as photos yes -> none. Add --overwrite" in caplog.text


def test_to_other_pictures_it_makes_no_difference_that_tiles_are_refused(segment, caplog):
    segment("a.png", "b.jpg")
    assert "2 skipped" in segment("a.png", "b.jpg", "--tile", "none")[1]
    assert not caplog.records


def test_what_pillow_does_not_decode_stays_in_tiles_and_says_so(
    segment, geotiff, monkeypatch, caplog
):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    code, _, err = segment(geotiff, "--save", "coco")
    assert code == 2
    assert "earth.tif: output 'coco' is not made of pictures in tiles" in err
    assert not caplog.records


@pytest.mark.parametrize(("options", "expected"), [((), 2), (("--tile", "64"), None)])
def test_engines_are_not_chosen_for_two_pictures_where_these_have_many_tiles(
    segment, monkeypatch, options, expected
):
    told = []
    load = inference.Segmenter.load

    def note(*arguments, num_pictures, **settings):
        told.append(num_pictures)
        return load(*arguments, **settings)

    monkeypatch.setattr(inference.Segmenter, "load", note)
    assert segment("a.png", "b.jpg", *options)[0] == 0
    assert told == [expected]


@pytest.mark.parametrize("options", [("--tile", "64"), ("--memory", "1GB"), ("--bands", "3,2,1")])
def test_what_videos_do_not_have_is_refused_not_ignored(segment, options):
    Path("clip.mp4").touch()
    code, _, err = segment("a.png", "clip.mp4", *options)
    assert code == 2
    assert "clip.mp4: videos are not labelled in tiles" in err
    assert not Path("segmented").exists()
