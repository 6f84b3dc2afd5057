import pytest
import torch

from deeplab import evaluation
from deeplab.data import open_split
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import VOC12
from deeplab.models import ModelConfig, build, save_checkpoint
from deeplab.runs import evaluation as runs
from deeplab.weights import NetworkCard

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
        with pytest.raises(ValueError, match="stored scores have no scales, flip and windows"):
            runs.evaluate(tmp_path, root, "val", **settings)


@pytest.mark.weights
def test_the_default_weights_find_what_real_pictures_show(real_voc_root):
    scores = runs.evaluate("voc12-lite", real_voc_root, "val_here", limit=40).scores
    assert scores.num_pictures == 40
    # All 368 score 0.907; a network that calls everything background gets 0.73.
    assert scores.pixel_accuracy > 0.85
