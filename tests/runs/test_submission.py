import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from deeplab.data.cityscapes_files import to_label_ids
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import CITYSCAPES, VOC12, LabelSet
from deeplab.models import ModelConfig, build, save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.runs import submission as runs

FRAMES = ("berlin_000000_000019", "bonn_000001_000019")


def make_checkpoint(folder: Path, label_set: LabelSet, seed: int = 0) -> Path:
    num_classes = len(label_set.class_names)
    config = ModelConfig(backbone="test_efficientnet", init="random", num_classes=num_classes)
    torch.manual_seed(seed)
    path = folder / f"{label_set.name}-{seed}.safetensors"
    card = NetworkCard("any", label_set.class_names, label_set.palette, 16, "name: any\n", {})
    save_checkpoint(path, build(config).state_dict(), config=config, card=card)
    return path


@pytest.fixture
def street(tmp_path: Path) -> Path:
    root = tmp_path / "cityscapes"
    random = np.random.default_rng(0)
    for frame in FRAMES:
        path = root / "leftImg8bit" / "test" / frame.partition("_")[0]
        path.mkdir(parents=True)
        picture = random.integers(0, 256, (40, 64, 3), dtype=np.uint8)
        Image.fromarray(picture).save(path / f"{frame}_leftImg8bit.png")
    return root


def test_voc_gets_an_archive_of_what_the_network_says(fake_voc, tmp_path):
    checkpoint, root = make_checkpoint(tmp_path, VOC12), fake_voc / "VOCdevkit" / "VOC2012"
    told = []
    made = runs.submit(
        checkpoint, root, "val", out_dir=tmp_path / "out", progress=lambda *one: told.append(one)
    )
    assert (made.path, made.num_pictures, made.num_new) == (tmp_path / "out" / "comp6.tgz", 3, 3)
    assert told == [(1, 3), (2, 3), (3, 3)]
    assert runs.check(made.path, root, "val") == 3
    segmenter = Segmenter(TorchEngine.from_checkpoint(checkpoint))
    with tarfile.open(made.path) as archive:
        for member in archive:
            opened = archive.extractfile(member)
            assert opened is not None
            labels = np.asarray(Image.open(opened))
            expected = segmenter(root / "JPEGImages" / f"{Path(member.name).stem}.jpg").labels
            assert np.array_equal(labels, expected)


def test_cityscapes_gets_label_ids_of_pictures_without_label_maps(street, tmp_path):
    checkpoint = make_checkpoint(tmp_path, CITYSCAPES)
    made = runs.submit(checkpoint, street, "test", out_dir=tmp_path / "out", window=33)
    assert made.path == tmp_path / "out" / "results"
    segmenter = Segmenter(TorchEngine.from_checkpoint(checkpoint), window=33)
    for frame in FRAMES:
        (path,) = made.path.glob(f"{frame}*.png")
        picture = next(street.rglob(f"{frame}*"))
        assert np.array_equal(np.asarray(Image.open(path)), to_label_ids(segmenter(picture).labels))
    assert runs.check(made.path, street, "test") == 2


def test_label_maps_that_are_there_are_not_computed_again(street, tmp_path):
    checkpoint = make_checkpoint(tmp_path, CITYSCAPES)
    first = runs.submit(checkpoint, street, "test", out_dir=tmp_path / "out")
    (first.path / f"{FRAMES[0]}_labelIds.png").unlink()
    Image.new("L", (64, 40), 7).save(first.path / f"{FRAMES[1]}_labelIds.png")
    again = runs.submit(checkpoint, street, "test", out_dir=tmp_path / "out")
    assert (again.num_pictures, again.num_new) == (2, 1)
    assert (np.asarray(Image.open(again.path / f"{FRAMES[1]}_labelIds.png")) == 7).all()


def test_other_weights_and_settings_are_not_mixed_in_one_folder(street, tmp_path):
    out = tmp_path / "out"
    runs.submit(make_checkpoint(tmp_path, CITYSCAPES), street, "test", out_dir=out)
    for weights, flip in (
        (make_checkpoint(tmp_path, CITYSCAPES, seed=1), False),
        (make_checkpoint(tmp_path, CITYSCAPES), True),
    ):
        with pytest.raises(ValueError, match="holds results of other weights or settings"):
            runs.submit(weights, street, "test", out_dir=out, flip=flip)
    (out / "submission.json").unlink()
    with pytest.raises(ValueError, match="results is there already, but not from us"):
        runs.submit(make_checkpoint(tmp_path, CITYSCAPES), street, "test", out_dir=out)


def test_a_wrong_file_is_told_and_no_archive_is_left(fake_voc, tmp_path):
    checkpoint, root = make_checkpoint(tmp_path, VOC12), fake_voc / "VOCdevkit" / "VOC2012"
    made = runs.submit(checkpoint, root, "val", out_dir=tmp_path / "out")
    wrong = next((tmp_path / "out").rglob("*.png"))
    Image.new("RGB", (9, 9)).save(wrong)
    with pytest.raises(ValueError, match=rf"{wrong.name}: 9x9 pixels.* Delete these files below"):
        runs.submit(checkpoint, root, "val", out_dir=tmp_path / "out")
    assert not made.path.exists()
    wrong.unlink()
    assert runs.submit(checkpoint, root, "val", out_dir=tmp_path / "out").num_new == 1


def test_what_does_not_fit_is_refused(fake_voc, street, tmp_path):
    checkpoint = make_checkpoint(tmp_path, VOC12)
    with pytest.raises(ValueError, match="scores 21 classes and cityscapes has 19"):
        runs.submit(checkpoint, street, "test", out_dir=tmp_path / "out")
    with pytest.raises(ValueError, match="is a folder; give a published name"):
        runs.submit(tmp_path, street, "test", out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()
