from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deeplab.data import Sample
from deeplab.data.augment import AugmentConfig
from deeplab.data.stream import CropStream, DataConfig, SourceConfig, open_data

MEAN = (127.5, 127.5, 127.5)


@pytest.fixture
def config(fake_voc: Path) -> DataConfig:
    source = SourceConfig(root=fake_voc / "VOCdevkit" / "VOC2012", split="train")
    augment = AugmentConfig(crop_size_px=33, colour_jitter=0.2, paste=0.5)
    return DataConfig(train=(source,), augment=augment)


def stream(config: DataConfig, *, seed: int = 0) -> CropStream:
    return CropStream(open_data(config)[0], config, mean_255=MEAN, seed=seed)


def test_a_crop_follows_from_seed_and_position_alone(config):
    first, second = stream(config), stream(config)
    in_another_order = {place: second[place] for place in (17, 3, 8)}
    for place, (picture, labels) in in_another_order.items():
        assert torch.equal(first[place][0], picture)
        assert torch.equal(first[place][1], labels)
    assert picture.shape == (3, 33, 33)
    assert labels.shape == (33, 33)


def test_another_seed_gives_other_crops(config):
    assert not torch.equal(stream(config)[0][0], stream(config, seed=1)[0][0])


def test_a_pass_takes_every_picture_once_and_passes_differ(config):
    crops = stream(config)
    orders = [crops.order(epoch).tolist() for epoch in range(3)]
    assert all(sorted(order) == list(range(8)) for order in orders)
    assert orders[0] != orders[1]


def test_balancing_draws_pictures_of_rare_classes_more_often(config):
    crops = stream(config.model_copy(update={"balance": 1.0}))
    # of 8 pictures 3 hold a cat, 3 a dog, 2 a person; all hold background
    rare = [sample.read_labels(21).max() for sample in crops.samples]
    present = [int(np.unique(sample.read_labels(21))[1]) for sample in crops.samples]
    assert set(rare) == {255}
    counts = {label: present.count(label) for label in set(present)}
    wanted = np.array([1 / counts[label] for label in present])
    np.testing.assert_allclose(crops.odds, wanted / wanted.sum())
    drawn = np.concatenate([crops.order(epoch) for epoch in range(500)])
    shares = np.bincount(drawn, minlength=8) / len(drawn)
    np.testing.assert_allclose(shares, crops.odds, atol=0.03)  # 6 standard deviations


def test_the_longest_side_is_known(config):
    crops = stream(config)
    sides = [side for sample in crops.samples for side in sample.read_picture().shape[:2]]
    assert crops.longest_side_px == max(sides)


def test_a_holdout_takes_every_nth_picture_out_of_training(config):
    everything = open_data(config)[0].samples
    training, validation = open_data(config.model_copy(update={"holdout_every": 3}))
    assert validation is not None
    assert validation.samples == everything[::3]
    assert set(training.samples) == set(everything) - set(everything[::3])


def test_sources_stand_one_behind_the_other_and_only_the_first_is_held_out(config):
    (source,) = config.train
    other = source.model_copy(update={"split": "val"})
    both = config.model_copy(update={"train": (source, other), "holdout_every": 2})
    training, validation = open_data(both)
    assert validation is not None
    assert (len(training.samples), len(validation.samples)) == (4 + 3, 4)


def test_validation_and_holdout_exclude_each_other(config):
    (source,) = config.train
    both = config.model_copy(update={"validation": source, "holdout_every": 2})
    with pytest.raises(ValueError, match=r"data\.validation and data\.holdout_every exclude"):
        open_data(both)


def test_a_holdout_of_everything_is_refused(config):
    with pytest.raises(ValueError, match="nothing is left"):
        open_data(config.model_copy(update={"holdout_every": 1}))


def test_no_source_is_refused():
    with pytest.raises(ValueError, match=r"data\.train is empty"):
        open_data(DataConfig(train=()))


@pytest.fixture
def own(tmp_path: Path) -> DataConfig:
    for kind in ("images", "masks"):
        (tmp_path / kind / "train").mkdir(parents=True)
    (tmp_path / "classes.txt").write_text("ground\nthing\n")
    Image.new("RGB", (8, 6)).save(tmp_path / "images" / "train" / "a.png")
    Image.new("L", (8, 6)).save(tmp_path / "masks" / "train" / "a.png")
    return DataConfig(train=(SourceConfig(root=tmp_path, split="train"),))


def test_sources_with_other_classes_are_refused(config, own):
    with pytest.raises(ValueError, match="has other classes than"):
        open_data(config.model_copy(update={"train": config.train + own.train}))


def test_validation_pictures_with_other_classes_are_refused(config, own):
    with pytest.raises(ValueError, match=r"data\.validation has other classes than data\.train"):
        open_data(config.model_copy(update={"validation": own.train[0]}))


def test_crops_of_void_alone_can_be_balanced(own):
    Image.new("L", (8, 6), 255).save(own.train[0].root / "masks" / "train" / "a.png")
    crops = stream(own.model_copy(update={"balance": 1.0}))
    np.testing.assert_allclose(crops.odds, [1])


def test_pasted_objects_come_from_another_crop_of_the_stream(config):
    plain = stream(config.model_copy(update={"augment": AugmentConfig(crop_size_px=65)}))
    always = AugmentConfig(crop_size_px=65, paste=1)
    pasted = stream(config.model_copy(update={"augment": always}))
    gained = 0
    for place in range(8):
        before, after = plain[place][1], pasted[place][1]
        changed = before != after
        assert not torch.isin(after[changed], torch.tensor([0, 255], dtype=torch.uint8)).any()
        gained += int(changed.sum())
    assert gained > 0


def test_a_label_map_of_another_size_than_its_picture_is_named(own):
    Image.new("L", (7, 6)).save(own.train[0].root / "masks" / "train" / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is \(6, 8\) and .*a\.png \(6, 7\)"):
        stream(own)


def test_label_maps_are_those_of_the_upright_pictures(own):
    exif = Image.Exif()
    exif[0x0112] = 6  # orientation: the camera was held on its side
    Image.new("RGB", (6, 8)).save(own.train[0].root / "images" / "train" / "a.png", exif=exif)
    assert stream(own)[0][0].shape == (3, 321, 321)


def test_what_is_not_a_picture_is_found_before_training(own):
    (own.train[0].root / "images" / "train" / "a.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"a\.png: not a picture"):
        stream(own)


def test_wrong_ids_are_found_before_training(own):
    Image.new("L", (8, 6), 2).save(own.train[0].root / "masks" / "train" / "a.png")
    with pytest.raises(ValueError, match=r"a\.png: class ids 2"):
        stream(own)


@pytest.mark.parametrize("share", [0, 1])
def test_several_crops_are_cut_from_each_picture_one_after_the_other(config, monkeypatch, share):
    read = []
    whole = Sample.read_picture
    monkeypatch.setattr(
        Sample, "read_picture", lambda self, *rest: read.append(self.name) or whole(self, *rest)
    )
    pasting = AugmentConfig(crop_size_px=33, paste=share)
    config = config.model_copy(update={"crops_per_picture": 3, "augment": pasting})
    crops = stream(config)
    pictures = [crops[position][0] for position in range(6)]
    if share == 0:
        assert read == [crops.samples[place].name for place in crops.order(0)[:2]]
    assert len(read) <= 2 * (1 + share)  # and one to paste from, for both of them
    assert not torch.equal(pictures[0], pictures[1])
    again = stream(config)
    assert all(torch.equal(again[place][0], pictures[place]) for place in (5, 0, 4))


def test_the_pixels_of_the_classes_are_counted(config):
    crops = stream(config)
    maps = [sample.read_labels(21) for sample in crops.samples]
    for label in (0, 8, 12):
        assert crops.pixel_counts[label] == sum(int((one == label).sum()) for one in maps)
        holding = [one for one in maps if (one == label).any()]
        assert crops.picture_pixel_counts[label] == sum(int((one != 255).sum()) for one in holding)
