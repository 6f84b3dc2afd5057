import pytest
import torch
from tests.models.foreign import reference
from torchvision.models import segmentation

from deeplab.labels import VOC12
from deeplab.models import load_checkpoint, save_checkpoint
from deeplab.preprocessing import IMAGENET_STATISTICS


def random_network(make):
    torch.manual_seed(0)
    network = make(weights=None, weights_backbone=None, num_classes=21, aux_loss=True)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


@pytest.mark.parametrize(
    ("make", "stride"),
    [(segmentation.deeplabv3_resnet50, 8), (segmentation.deeplabv3_mobilenet_v3_large, 16)],
)
def test_the_scores_are_torchvisions_before_it_enlarges_them(saved, tmp_path, make, stride):
    theirs = random_network(make)
    pictures = reference.picture(51, 70)
    loaded = load_checkpoint(saved(theirs.state_dict()))
    scores = loaded.network(pictures)
    assert scores.shape[2:] == (-(-51 // stride), -(-70 // stride))
    enlarged = torch.nn.functional.interpolate(
        scores, size=(51, 70), mode="bilinear", align_corners=False
    )
    assert torch.equal(enlarged, theirs(pictures)["out"])
    assert loaded.card.class_names == VOC12.class_names
    assert loaded.card.preprocessing == IMAGENET_STATISTICS
    assert loaded.card.provenance["left out"].endswith("such as aux_classifier.0.weight")

    kept_path = tmp_path / "kept.safetensors"
    state = loaded.network.state_dict()
    save_checkpoint(kept_path, state, config=loaded.config, card=loaded.card)
    kept = load_checkpoint(kept_path)
    assert torch.equal(kept.network(pictures), scores)
    assert (kept.config, kept.card) == (loaded.config, loaded.card)
