import torch
from tests.models.foreign import reference
from torch.nn import functional

from deeplab.labels import COCO91, VOC12
from deeplab.models import LinearConfig, load_checkpoint
from deeplab.preprocessing import CAFFE_VOC

_LAYERS = {1: "reduce", 2: "conv3x3", 3: "increase", "short": "shortcut"}
_RATES = (6, 12, 18, 24)


def naming(place):
    if place == "stem":
        return "layer1.conv1.conv", "layer1.conv1.bn"
    stage, block, layer = place
    start = f"layer{stage + 1}.block{block + 1}.{_LAYERS[layer]}"
    return f"{start}.conv", f"{start}.bn"


def with_aspp(resnet, num_classes):
    filters = reference.random_filters(4, num_classes)
    tensors = reference.named(resnet, naming)
    for place, (weight, bias) in enumerate(filters):
        tensors |= {f"aspp.c{place}.weight": weight, f"aspp.c{place}.bias": bias}
    return tensors, filters


def test_the_network_at_three_scales_scores_as_his_at_a_size_that_no_scale_divides(resnet, saved):
    tensors, filters = with_aspp(resnet, 21)
    pictures = reference.picture(71, 58)

    def score(pictures):
        return reference.aspp(reference.features(resnet, pictures), filters, _RATES)

    theirs = score(pictures)
    size = theirs.shape[2:]
    for scale in (0.5, 0.75):
        small = functional.interpolate(
            pictures, scale_factor=scale, mode="bilinear", align_corners=False
        )
        scores = functional.interpolate(
            score(small), size=size, mode="bilinear", align_corners=False
        )
        theirs = torch.maximum(theirs, scores)
    path = saved({f"base.{name}": value for name, value in tensors.items()})
    loaded = load_checkpoint(path)
    reference.assert_same(loaded.network(pictures), theirs)
    assert loaded.config.scales == (1, 0.75, 0.5)
    assert loaded.card.provenance["layout"] == "kazuto1011-msc"
    assert loaded.card.class_names == VOC12.class_names
    assert loaded.card.preprocessing == CAFFE_VOC


def test_coco_stuff_at_one_scale_has_182_classes_without_names(resnet, saved):
    tensors, filters = with_aspp(resnet, 182)
    loaded = load_checkpoint(saved(tensors))
    pictures = reference.picture(33, 41)
    theirs = reference.aspp(reference.features(resnet, pictures), filters, _RATES)
    reference.assert_same(loaded.network(pictures), theirs)
    assert loaded.card.class_names[:2] == ("class 0", "class 1")
    assert len(loaded.card.class_names) == 182
    assert loaded.config.scales == (1,)


def test_the_network_that_starts_from_coco_has_a_1x1_classifier(resnet, saved):
    ((weight, bias),) = reference.random_filters(1, 91, size=1)
    tensors = reference.named(resnet, naming) | {"fc.weight": weight, "fc.bias": bias}
    loaded = load_checkpoint(saved(tensors))
    pictures = reference.picture(33, 41)
    theirs = functional.conv2d(reference.features(resnet, pictures), weight, bias)
    reference.assert_same(loaded.network(pictures), theirs)
    assert loaded.card.class_names == COCO91.class_names
    assert loaded.config.head == LinearConfig()
