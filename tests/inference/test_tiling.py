import dataclasses
import re

import pytest

from deeplab.inference.tiling import Load, Tiling, cut, parse_memory

LOAD = Load(
    width=30000, held_bytes=0, num_bands=3, num_classes=21, stride=16, scales=(1.0,), flip=False
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("2GB", 2e9), ("800MB", 8e8), ("1.5 G", 1.5e9), ("64MiB", 64e6), ("123456789", 123456789)],
)
def test_sizes_are_read_as_people_write_them(text, expected):
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "GB", "2 apples", "-1GB", "0"])
def test_other_sizes_are_refused(text):
    with pytest.raises(ValueError, match="give a size, such as 2GB or 800MB"):
        parse_memory(text)


@pytest.mark.parametrize("memory", [10**9, 2 * 10**9, 4 * 10**9])
@pytest.mark.parametrize("scales", [(1.0,), (0.25,), (0.5, 0.75, 1.0)])
def test_a_tile_is_as_large_as_the_memory_allows(memory, scales):
    load = dataclasses.replace(LOAD, scales=scales)
    tile = load.fitting_tile(memory)
    assert load.bytes_with(tile) <= memory
    assert (tile - 1) * max(scales) % 16 == 0
    assert tile > 2048 or load.bytes_with(tile + 128) > memory or tile == 2049


def test_more_memory_never_gives_a_smaller_tile():
    tiles = [LOAD.fitting_tile(memory * 10**8) for memory in range(9, 60)]
    assert tiles == sorted(tiles)
    assert tiles[-1] == 2049


def test_a_crf_leaves_less_for_tiles():
    with_crf = dataclasses.replace(LOAD, margin=160, crf_pixels=10**6)
    assert with_crf.fitting_tile(2 * 10**9) < LOAD.fitting_tile(2 * 10**9)


def test_regions_that_are_traced_leave_less_for_tiles():
    traced = dataclasses.replace(LOAD, traced_pixels=30000**2)
    few = dataclasses.replace(LOAD, traced_pixels=10)
    assert traced.fitting_tile(2 * 10**9) < LOAD.fitting_tile(2 * 10**9)
    assert few.fitting_tile(2 * 10**9) == LOAD.fitting_tile(2 * 10**9)


@pytest.mark.parametrize("traced_pixels", [0, 10**6, 30000**2])
def test_the_memory_that_would_do_does(traced_pixels):
    load = dataclasses.replace(LOAD, traced_pixels=traced_pixels)
    with pytest.raises(ValueError, match="give ") as caught:
        load.fitting_tile(10**8)
    wanted = re.search(r"give (\S+GB)", str(caught.value))[1]
    assert load.fitting_tile(parse_memory(wanted)) >= 256


def test_too_little_memory_is_refused_with_what_would_do():
    with pytest.raises(
        ValueError, match=r"too little for a picture 30000 pixels wide; give 0\.\dGB"
    ):
        LOAD.fitting_tile(10**8)


def test_tiles_and_overlaps_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="tile 7: give 32 pixels or more"):
        Tiling(tile=7)
    with pytest.raises(ValueError, match=r"overlap 1: give the share"):
        Tiling(overlap=1)
    with pytest.raises(ValueError, match="tile 40: give at least the network's stride, 64"):
        cut(100, dataclasses.replace(LOAD, stride=64), Tiling(tile=40))
