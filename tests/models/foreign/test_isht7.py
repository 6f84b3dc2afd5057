import pytest
import torch
from tests.models.foreign import reference
from torch.nn import functional

from deeplab.models import load_checkpoint

_RATES = (6, 12, 18, 24)


def network(resnet):
    filters = reference.random_filters(4, 21)
    tensors = reference.named(resnet, reference.torchvision_naming)
    for place, (weight, bias) in enumerate(filters):
        start = f"layer5.conv2d_list.{place}"
        tensors |= {f"{start}.weight": weight, f"{start}.bias": bias}
    return tensors, filters


def test_the_network_at_three_scales_scores_as_his_at_even_and_odd_sizes(resnet, saved):
    tensors, filters = network(resnet)
    loaded = load_checkpoint(saved({f"Scale.{name}": value for name, value in tensors.items()}))
    assert loaded.card.provenance["layout"] == "isht7"

    def score(pictures):
        return reference.aspp(reference.features(resnet, pictures), filters, _RATES)

    for side in (49, 52):
        pictures = reference.picture(side, side)
        theirs = score(pictures)
        for scale in (0.75, 0.5):
            small = int(side * scale) + 1
            resized = functional.interpolate(
                pictures, size=(small, small), mode="bilinear", align_corners=True
            )
            scores = functional.interpolate(
                score(resized), size=theirs.shape[2:], mode="bilinear", align_corners=True
            )
            theirs = torch.maximum(theirs, scores)
        reference.assert_same(loaded.network(pictures), theirs)


def test_three_equal_copies_are_read_as_one(resnet, saved):
    tensors, _ = network(resnet)
    single = load_checkpoint(saved({f"Scale.{name}": value for name, value in tensors.items()}))
    copies = {f"Scale{n}.{name}": value for n in (1, 2, 3) for name, value in tensors.items()}
    loaded = load_checkpoint(saved(copies))
    pictures = reference.picture(33, 33)
    assert torch.equal(loaded.network(pictures), single.network(pictures))
    assert loaded.card.provenance["left out"].startswith(f"{2 * len(tensors)} tensors")


def test_copies_that_drifted_apart_are_refused(resnet, saved):
    tensors, _ = network(resnet)
    copies = {f"Scale{n}.{name}": value for n in (1, 2, 3) for name, value in tensors.items()}
    copies["Scale3.bn1.bias"] = copies["Scale3.bn1.bias"] + 1
    with pytest.raises(ValueError, match=r"theirs\.pth: Scale3\.bn1\.bias differs from Scale1"):
        load_checkpoint(saved(copies))
