import numpy as np
import pytest
import torch
from PIL import Image

from deeplab import evaluation
from deeplab.data import open_split
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import VOC12
from deeplab.models import ModelConfig, build, save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.runs import evaluation as runs

CARD = NetworkCard("any", VOC12.class_names, VOC12.palette, 16, "name: any\n", {})


def test_a_checkpoint_is_scored_like_the_network_in_it(fake_voc, tmp_path):
    config = ModelConfig(backbone="test_efficientnet", init="random")
    torch.manual_seed(0)
    best = tmp_path / "any.safetensors"
    save_checkpoint(best, build(config).state_dict(), config=config, card=CARD)
    root = fake_voc / "VOCdevkit" / "VOC2012"
    ours = runs.evaluate(best, root, "train", scales=(0.5, 1.0), flip=True, limit=3).scores
    segmenter = Segmenter(TorchEngine.from_checkpoint(best), scales=(0.5, 1.0), flip=True)
    assert ours == evaluation.evaluate(segmenter, open_split(root, "train"), limit=3)
    assert ours.num_pictures == 3


def test_stored_scores_have_no_windows(fake_voc, tmp_path):
    root = fake_voc / "VOCdevkit" / "VOC2012"
    for settings in ({"window": 9}, {"overlap": 0.5}, {"flip": True}):
        with pytest.raises(ValueError, match="stored results have no scales, flip and windows"):
            runs.evaluate(tmp_path, root, "val", **settings)


@pytest.fixture
def colour_data(tmp_path):
    """Pictures of one colour each: black, red (cat) and green (person) ones."""
    root = tmp_path / "colours"
    for folder in ("images/val", "masks/val"):
        (root / folder).mkdir(parents=True)
    (root / "classes.txt").write_text("background\ncat\nperson\n")
    for number, colour in enumerate([(0, 0, 0), (255, 0, 0), (0, 255, 0), (255, 0, 0)]):
        Image.new("RGB", (12, 8), colour).save(root / "images" / "val" / f"{number}.png")
        labels = np.full((8, 12), min(number, 2), np.uint8)
        Image.fromarray(labels).save(root / "masks" / "val" / f"{number}.png")
    return root


def test_the_same_evaluation_goes_on_from_its_file(network_path, colour_data, tmp_path):
    kept, seen = tmp_path / "counts.npz", []

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        runs.evaluate(network_path, colour_data, "val", keep=kept, progress=stop)
    resumed = runs.evaluate(
        network_path, colour_data, "val", keep=kept, progress=lambda done, _: seen.append(done)
    )
    assert seen == [3, 4]
    assert resumed == runs.evaluate(network_path, colour_data, "val")


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"flip": True}, "flip"),
        ({"scales": (0.5, 1)}, "scales"),
        ({"crf": "resnet101"}, "crf"),
        ({"measures": ["trimap"]}, "measures"),
        ({"limit": 2}, "number of pictures"),
    ],
)
def test_other_settings_are_refused_the_file(settings, word, network_path, colour_data, tmp_path):
    runs.evaluate(network_path, colour_data, "val", keep=tmp_path / "counts.npz")
    with pytest.raises(ValueError, match=f"holds another evaluation: {word} is"):
        runs.evaluate(network_path, colour_data, "val", keep=tmp_path / "counts.npz", **settings)


def test_other_weights_are_refused_the_file(make_network, colour_data, tmp_path):
    kept = tmp_path / "counts.npz"
    runs.evaluate(make_network(), colour_data, "val", keep=kept)
    with pytest.raises(ValueError, match=r"weights \(SHA-256\) is"):
        runs.evaluate(make_network(red_weight=0.01), colour_data, "val", keep=kept)


def test_another_convention_reads_the_same_counts(network_path, colour_data, tmp_path):
    kept = tmp_path / "counts.npz"
    runs.evaluate(network_path, colour_data, "val", keep=kept)
    seen = []
    found = runs.evaluate(
        network_path,
        colour_data,
        "val",
        keep=kept,
        convention="present",
        progress=lambda done, _: seen.append(done),
    )
    assert seen == []
    assert found == runs.evaluate(network_path, colour_data, "val", convention="present")


def test_a_folder_of_label_maps_is_scored(network_path, colour_data, tmp_path):
    segmenter, masks = Segmenter.load(network_path), tmp_path / "predicted"
    data = open_split(colour_data, "val")
    for sample in data.samples:
        segmenter(sample.picture_path).save(masks / sample.name, outputs=["mask"])
    assert runs.evaluate(masks, colour_data, "val") == runs.evaluate(
        network_path, colour_data, "val"
    )


def test_of_a_folder_the_pictures_that_it_has_are_scored(colour_data, tmp_path, caplog):
    masks = tmp_path / "predicted"
    masks.mkdir()
    Image.fromarray(np.full((8, 12), 1, np.uint8)).save(masks / "1.png")
    assert runs.evaluate(masks, colour_data, "val").scores.num_pictures == 1
    assert "label maps of 1 of 4 pictures" in caplog.text


def test_a_folder_with_label_maps_of_none_is_refused(colour_data, tmp_path):
    masks = tmp_path / "predicted"
    masks.mkdir()
    Image.fromarray(np.full((8, 12), 1, np.uint8)).save(masks / "other.png")
    with pytest.raises(ValueError, match="label maps of none of the 4 pictures"):
        runs.evaluate(masks, colour_data, "val")


@pytest.mark.parametrize(
    "settings", [{"flip": True}, {"scales": (0.5, 1)}, {"crf": "resnet101"}, {"stride": 8}]
)
def test_settings_of_networks_are_refused_with_label_maps(settings, colour_data):
    with pytest.raises(ValueError, match="leave them out"):
        runs.evaluate(colour_data / "masks" / "val", colour_data, "val", **settings)


@pytest.mark.weights
def test_the_default_weights_find_what_real_pictures_show(real_voc_root):
    scores = runs.evaluate("voc12-lite", real_voc_root, "val_here", limit=40).scores
    assert scores.num_pictures == 40
    # All 368 score 0.907; a network that calls everything background gets 0.73.
    assert scores.pixel_accuracy > 0.85
