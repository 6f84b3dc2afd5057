import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

from deeplab.data import open_split
from deeplab.runs.identity import describe_run


@pytest.fixture
def described(network_path, fake_voc):
    data = open_split(fake_voc / "VOCdevkit" / "VOC2012", "train")

    def describe(weights=network_path, samples=data.samples, **settings):
        return describe_run(weights, data, samples, settings)

    return describe


def differing(one, other):
    return [key for key in one | other if one.get(key) != other.get(key)]


def test_weights_are_known_by_their_content(described, network_path, tmp_path):
    copy = shutil.copy(network_path, tmp_path / "copy.onnx")
    assert described() == described(copy)
    with open(copy, "ab") as file:
        file.write(b"more")
    assert differing(described(), described(copy)) == ["weights (SHA-256)"]


def test_published_weights_are_known_by_the_content_of_their_file(described):
    assert described("voc12-lite")["weights (SHA-256)"] != described()["weights (SHA-256)"]


def test_a_folder_is_known_by_the_files_in_it(described, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "a.png")
    before = described(folder)
    assert described(folder) == before
    (folder / "notes.txt").write_text("not counted")
    assert described(folder) == before
    shutil.copy(folder / "a.png", folder / "b.png")
    assert differing(described(folder), before) == ["weights (SHA-256)"]


def test_pictures_are_known_by_name_order_and_size(described, fake_voc):
    whole = described()
    samples = open_split(fake_voc / "VOCdevkit" / "VOC2012", "train").samples
    [key] = differing(whole, described(samples=samples[::-1]))
    assert key == "pictures (SHA-256 of names and sizes)"
    other_labels = dataclasses.replace(samples[0], label_path=samples[0].picture_path)
    assert differing(whole, described(samples=(other_labels, *samples[1:]))) == [key]


def test_settings_are_part_of_it(described):
    assert differing(described(flip=False), described(flip=True)) == ["flip"]
