import random

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps

from deeplab.data.duplicates import (
    NEAR,
    NUM_BITS,
    Leak,
    count_differences,
    find_groups,
    find_leaks,
    fingerprint,
    mirror,
)


def scene(seed: int, *, width: int = 160, height: int = 120) -> Image.Image:
    """A picture with structure at all sizes, as photos have: noise of many scales added up."""
    random = np.random.default_rng(seed)
    total = np.zeros((height, width, 3))
    for side in (3, 5, 9, 17, 33):
        noise = random.integers(0, 256, (side, side, 3), dtype=np.uint8)
        total += np.asarray(Image.fromarray(noise).resize((width, height))) / side
    return Image.fromarray((total / total.max() * 255).astype(np.uint8))


def of(image, path, **options) -> int:
    image.save(path, **options)
    return fingerprint(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((80, 60)),
        lambda image: image.resize((224, 224)),
        lambda image: ImageEnhance.Brightness(image).enhance(0.8),
        lambda image: ImageEnhance.Contrast(image).enhance(0.8),
        lambda image: image.convert("L"),
        lambda image: image.convert("P"),
        lambda image: image.convert("RGBA"),
        ImageOps.mirror,
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_a_changed_copy_is_a_near_duplicate(change, seed, tmp_path):
    original = of(scene(seed), tmp_path / "a.png")
    assert count_differences(original, of(change(scene(seed)), tmp_path / "b.png")) <= NEAR


def test_a_copy_in_a_lossy_file_is_a_near_duplicate(tmp_path):
    original = of(scene(0, width=800, height=600), tmp_path / "a.png")
    assert count_differences(original, of(scene(0), tmp_path / "b.jpg", quality=30)) <= NEAR


def test_different_pictures_differ_in_many_bits(tmp_path):
    values = [of(scene(seed), tmp_path / "a.png") for seed in range(30)]
    differing = [count_differences(a, b) for i, a in enumerate(values) for b in values[:i]]
    assert min(differing) > NEAR


def test_pictures_are_compared_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter
    turned = scene(1).transpose(Image.Transpose.ROTATE_90)
    assert of(turned, tmp_path / "b.png", exif=exif) == of(scene(1), tmp_path / "a.png")


def test_pictures_of_16_bits_are_not_cut_off_at_255(tmp_path):
    grey = np.asarray(scene(2).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 257)
    assert count_differences(of(deep, tmp_path / "b.png"), of(scene(2), tmp_path / "a.png")) <= 4


def test_a_mirrored_picture_has_the_mirrored_fingerprint(tmp_path):
    value = of(scene(3).convert("L"), tmp_path / "a.png")
    assert of(ImageOps.mirror(scene(3).convert("L")), tmp_path / "b.png") == mirror(value)
    assert mirror(mirror(value)) == value != mirror(value)


def test_all_flat_pictures_are_one(tmp_path):
    values = {of(Image.new("RGB", (50, 40), c), tmp_path / "a.png") for c in ("red", "white")}
    assert values == {0}


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_a_file_that_is_no_picture_is_refused_by_name(content, tmp_path):
    (tmp_path / "x.jpg").write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.jpg: not a picture"):
        fingerprint(tmp_path / "x.jpg")


def drawn(seed: int, count: int) -> dict[str, int]:
    """Fingerprints of which many are a few bits from another, or from a mirrored one."""
    draw = random.Random(seed)
    values = [draw.getrandbits(NUM_BITS) for _ in range(10)]
    while len(values) < count:
        value = draw.choice(values)
        for bit in draw.sample(range(NUM_BITS), draw.randrange(26)):
            value ^= 1 << bit
        values.append(draw.choice([value, mirror(value)]))
    draw.shuffle(values)
    return {f"p{index}": value for index, value in enumerate(values)}


def slow_groups(fingerprints, distance):
    """Spread from each picture to all near ones, until nothing is left."""
    left, groups = list(fingerprints), []
    while left:
        group, reached = [], [left[0]]
        while reached:
            name = reached.pop()
            group.append(name)
            left.remove(name)
            near = [n for n in left if n not in reached]
            reached += [
                n
                for n in near
                if count_differences(fingerprints[n], fingerprints[name]) <= distance
            ]
        groups.append(sorted(group, key=list(fingerprints).index))
    return [group for group in groups if len(group) > 1]


@pytest.mark.parametrize("distance", [0, 1, 7, 16, 127])
@pytest.mark.parametrize("seed", range(4))
def test_groups_are_those_of_a_search_through_all_pairs(seed, distance):
    fingerprints = drawn(seed, 120)
    assert find_groups(fingerprints, distance=distance) == slow_groups(fingerprints, distance)


@pytest.mark.parametrize("seed", range(4))
def test_leaks_are_the_nearest_pictures_of_other_splits(seed):
    fingerprints = drawn(seed, 90)
    split_of = {name: "abc"[index % 3] for index, name in enumerate(fingerprints)}
    leaks = {leak.name: leak for leak in find_leaks(fingerprints, split_of)}
    for name, value in fingerprints.items():
        others = [n for n in fingerprints if split_of[n] != split_of[name]]
        nearest = min(count_differences(value, fingerprints[other]) for other in others)
        assert (name in leaks) == (nearest <= NEAR)
        if name in leaks:
            assert leaks[name].distance == nearest
            assert count_differences(value, fingerprints[leaks[name].other]) == nearest
            assert split_of[leaks[name].other] != split_of[name]


def test_equal_pictures_of_one_split_are_no_leak():
    fingerprints = {"a": 5, "b": 5, "c": 5 << 90}
    assert find_leaks(fingerprints, {"a": "train", "b": "train", "c": "val"}, distance=3) == []
    leaks = find_leaks(fingerprints, {"a": "train", "b": "val", "c": "val"}, distance=3)
    assert leaks == [Leak("a", "b", 0), Leak("b", "a", 0)]


def test_no_pictures_have_no_groups():
    assert find_groups({}) == find_groups({"a": 1}) == []


@pytest.mark.parametrize("distance", [-1, 128])
def test_a_distance_that_cannot_be_is_refused(distance):
    with pytest.raises(ValueError, match="distance"):
        find_groups({"a": 1, "b": 2}, distance=distance)


def test_no_two_real_photos_are_taken_for_duplicates(real_voc_root):
    paths = sorted((real_voc_root / "JPEGImages").glob("*.jpg"))[::4]
    assert find_groups({path.stem: fingerprint(path) for path in paths}) == []


def test_consecutive_frames_of_a_real_video_are_found(real_data):
    paths = sorted((real_data / "camvid" / "images" / "val").glob("*.jpg"))
    groups = find_groups({path.stem: fingerprint(path) for path in paths})
    assert sum(map(len, groups)) == 101
