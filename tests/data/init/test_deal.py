import itertools
import random

import numpy as np
import pytest

from deeplab.data.duplicates import NEAR, NUM_BITS, fingerprint
from deeplab.data.init.deal import deal

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def photos(count: int, seed: int = 0) -> dict[str, int]:
    draw = random.Random(seed)
    return {f"photo {'x' * index}": draw.getrandbits(NUM_BITS) for index in range(count)}


def video(name: str, count: int, *, jump: int, seed: int = 0) -> dict[str, int]:
    """Frames of which each differs in `jump` bits from the one before."""
    draw = random.Random(seed)
    values = [draw.getrandbits(NUM_BITS)]
    while len(values) < count:
        flips = sum(1 << bit for bit in draw.sample(range(NUM_BITS), jump))
        values.append(values[-1] ^ flips)
    return {f"{name}_{index:03}": value for index, value in enumerate(values)}


def pixels(count: int, num_classes: int = 4, seed: int = 0) -> np.ndarray:
    """Most classes occur in few pictures, some in many pixels."""
    random = np.random.default_rng(seed)
    shown = random.random((count, num_classes)) < np.linspace(0.2, 0.9, num_classes)
    return shown * random.integers(1, 1000, (count, num_classes))


def split_of(dealt) -> dict[str, str]:
    return {name: split for split, names in dealt.splits.items() for name in names}


@pytest.mark.parametrize("seed", range(3))
def test_every_picture_is_in_one_split_and_shares_are_kept(seed):
    dealt = deal(photos(100), pixels(100), SHARES, seed=seed)
    assert sorted(name for names in dealt.splits.values() for name in names) == sorted(photos(100))
    counts = {split: len(names) for split, names in dealt.splits.items()}
    assert abs(counts["val"] - 20) <= 2
    assert abs(counts["test"] - 20) <= 2


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_shared_out_more_evenly_than_by_chance(seed):
    names, of = list(photos(60)), pixels(60)

    def unevenness(val_names) -> float:
        taken = of[[names.index(name) for name in val_names]].sum(axis=0) / of.sum(axis=0)
        return float(abs(taken - 0.2).max())

    dealt = deal(photos(60), of, {"train": 0.8, "val": 0.2}, seed=seed)
    draw = random.Random(seed)
    by_chance = [unevenness(draw.sample(names, 12)) for _ in range(200)]
    assert unevenness(dealt.splits["val"]) < np.quantile(by_chance, 0.05)


def test_near_duplicates_stay_together():
    prints = photos(40)
    for index, (name, value) in enumerate(list(prints.items())[:15]):
        prints[f"{name} again"] = value ^ ((1 << NEAR) - 1) << index
    dealt = deal(prints, pixels(len(prints)), SHARES, seed=0)
    where = split_of(dealt)
    assert all(where[name] == where[name.removesuffix(" again")] for name in prints)
    assert "30 pictures in 15 groups" in dealt.notes[0]


def test_frames_of_a_video_stay_in_blocks():
    prints = video("drive", 200, jump=25) | video("walk", 100, jump=30, seed=1)
    dealt = deal(prints, pixels(300), {"train": 0.8, "val": 0.2}, seed=0)
    where = [split_of(dealt)[name] for name in prints]
    changes = sum(one != other for one, other in itertools.pairwise(where))
    assert changes <= 2 * 6
    assert abs(len(dealt.splits["val"]) - 60) <= 15
    assert "videos: 2" in dealt.notes[0]


def test_photos_with_running_numbers_are_no_video():
    prints = {f"IMG_{index}": value for index, value in enumerate(photos(30).values())}
    assert deal(prints, pixels(30), SHARES, seed=0).notes == ()


@pytest.mark.parametrize("count", [3, 4, 7])
def test_no_split_of_a_few_pictures_stays_empty(count):
    dealt = deal(photos(count), pixels(count), SHARES, seed=0)
    assert all(dealt.splits.values())


def test_pictures_that_are_all_alike_cannot_be_dealt():
    with pytest.raises(ValueError, match=r"no picture is left for .*: the 50 .* into 1 groups"):
        deal(video("a", 50, jump=5), pixels(50), SHARES, seed=0)


def test_a_class_that_never_occurs_does_not_matter():
    of = pixels(20)
    without = np.concatenate([of, np.zeros((20, 1), int)], axis=1)
    assert deal(photos(20), of, SHARES, seed=1) == deal(photos(20), without, SHARES, seed=1)


def test_the_drives_of_real_camvid_are_videos_and_photos_of_coco_are_none(real_data):
    for folder, num_videos in (("camvid/images/train", 3), ("coco_voc20/JPEGImages", 0)):
        paths = sorted((real_data / folder).glob("*.jpg"))[:367]
        prints = {path.stem: fingerprint(path) for path in paths}
        dealt = deal(prints, np.ones((len(paths), 1), int), {"train": 0.8, "val": 0.2}, seed=0)
        notes = [note for note in dealt.notes if note.startswith("videos")]
        assert [note.split()[1] for note in notes] == [str(num_videos)] * (num_videos > 0)
