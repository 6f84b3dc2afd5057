from pathlib import Path

import pytest

from deeplab.labels import VOC12, named
from deeplab.network_card import NetworkCard
from deeplab.runs.quantising import plan_quantising

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def voc_card():
    return NetworkCard("voc", VOC12.class_names, VOC12.palette, 8, "", {})


@pytest.fixture
def voc_root(fake_voc):
    return fake_voc / "VOCdevkit" / "VOC2012"


def sizes(readers):
    return [read().shape for read in readers]


def test_a_data_set_is_calibrated_on_its_other_splits(voc_root, voc_card):
    plan = plan_quantising(voc_root, voc_card, split="val")
    assert len(plan.pictures) == 8
    assert [probe.name for probe in plan.probes] == [f"2012_{n:06}" for n in (8, 9, 10)]
    assert plan.data == "VOC2012/val"
    for probe in plan.probes:
        assert probe.read_labels().shape == probe.read_picture().shape[:2]


def test_pictures_that_are_measured_are_never_calibrated_on(voc_root, voc_card):
    plan = plan_quantising(voc_root / "JPEGImages", voc_card, data=voc_root, split="val", limit=2)
    assert len(plan.pictures) == 8  # of 11
    assert [probe.name for probe in plan.probes] == ["2012_000008", "2012_000010"]


def test_of_photos_alone_every_second_one_is_measured(voc_card):
    plan = plan_quantising(EXAMPLES, voc_card)
    assert len(plan.pictures) == len(plan.probes) == 2
    assert all(probe.read_labels is None for probe in plan.probes)
    assert {probe.name for probe in plan.probes} == {"boats.jpg", "coffee.jpg"} or all(
        probe.read_picture().shape not in sizes(plan.pictures) for probe in plan.probes
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"say with --split on which split .*train, val"),
        ({"split": "test"}, r"no split 'test'"),
    ],
)
def test_a_data_set_needs_one_of_its_splits(voc_root, voc_card, settings, message):
    with pytest.raises(ValueError, match=message):
        plan_quantising(voc_root, voc_card, **settings)


def test_a_split_without_a_data_set_is_refused(voc_card):
    with pytest.raises(ValueError, match="go together"):
        plan_quantising(EXAMPLES, voc_card, split="val")


def test_other_classes_are_refused(voc_root):
    names = ("background", "cat")
    card = NetworkCard("pets", names, named(names).palette, 8, "", {})
    with pytest.raises(ValueError, match=r"has the classes background, aeroplane.*network's"):
        plan_quantising(voc_root, card, split="val")


def test_a_split_that_is_all_there_is_leaves_nothing_to_calibrate_on(voc_root, voc_card, tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in (8, 9):
        source = voc_root / "JPEGImages" / f"2012_{name:06}.jpg"
        (photos / source.name).symlink_to(source)
    with pytest.raises(ValueError, match="has no pictures but those of val"):
        plan_quantising(photos, voc_card, data=voc_root, split="val")


def test_too_few_photos_are_refused(voc_card, tmp_path):
    (tmp_path / "one.jpg").write_bytes((EXAMPLES / "cat.jpg").read_bytes())
    with pytest.raises(ValueError, match="holds 1 pictures; give 4 or more"):
        plan_quantising(tmp_path, voc_card)


def test_a_missing_folder_is_refused(voc_card, tmp_path):
    with pytest.raises(ValueError, match="nowhere does not exist"):
        plan_quantising(tmp_path / "nowhere", voc_card)
