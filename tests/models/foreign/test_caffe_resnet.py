"""The authors' ResNet-101 through a `.caffemodel` file, against the outputs of the original."""

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from tests.models.foreign.caffemodel_writer import Layer, write_caffemodel

from deeplab.models import ASPPConfig, LinearConfig, load_checkpoint

PARITY = Path(__file__).parents[4] / "shared" / "parity"
FACTOR = np.float32(999.98)  # Caffe stores means and variances times such a number
STAGES = {"2": (3, 64), "3": (4, 128), "4": (23, 256), "5": (3, 512)}
CLASSIFIERS = [f"fc1_voc12_c{branch}" for branch in range(4)]


def blocks(stages: dict[str, tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """List the blocks as the prototxt names them: name, channels in, and of the 3x3 filter."""
    channels = 64
    for stage, (count, width) in stages.items():
        for number in range(count):
            short = count <= 3
            name = "abc"[number] if short else ("a" if number == 0 else f"b{number}")
            yield f"{stage}{name}", channels, width
            channels = 4 * width


def convolutions(stages: dict[str, tuple[int, int]]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """List the names behind `res`, `bn` and `scale`, and the shapes of the filters."""
    for name, channels, width in blocks(stages):
        if name.endswith("a"):
            yield f"{name}_branch1", (4 * width, channels, 1, 1)
        yield f"{name}_branch2a", (width, channels, 1, 1)
        yield f"{name}_branch2b", (width, width, 3, 3)
        yield f"{name}_branch2c", (4 * width, width, 1, 1)


def backbone_layers(formula, stages, copies: tuple[str, ...] = ("",)) -> dict[str, Layer]:
    layers: dict[str, Layer] = {}

    def add(conv: str, norm: str, scale: str, shape: tuple[int, ...]) -> None:
        count = (shape[0],)
        low, high = (0.1, 0.3) if norm.endswith("branch2c") else (0.7, 1.3)
        filters = formula.conv_weight(f"{conv}/weight", shape)
        mean = formula.small(f"{norm}/mean", count, 0.1) * FACTOR
        variance = formula.positive(f"{norm}/var", count, 0.5, 1.5) * FACTOR
        gamma = formula.positive(f"{scale}/gamma", count, low, high)
        beta = formula.small(f"{scale}/beta", count, 0.1)
        for copy in copies:
            layers[conv + copy] = Layer("Convolution", [filters])
            layers[norm + copy] = Layer("BatchNorm", [mean, variance, np.array([FACTOR])])
            layers[scale + copy] = Layer("Scale", [gamma, beta])

    add("conv1", "bn_conv1", "scale_conv1", (64, 3, 7, 7))
    for name, shape in convolutions(stages):
        add(f"res{name}", f"bn{name}", f"scale{name}", shape)
    return layers


def load_formula() -> ModuleType:
    if not PARITY.is_dir():
        pytest.skip("no outputs of the original network beside the repository (../shared/parity)")
    spec = importlib.util.spec_from_file_location("formula", PARITY / "formula.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_original_network_gives_the_same_at_every_scale(tmp_path):
    formula = load_formula()
    copies = ("", "_res075", "_res05")
    layers = backbone_layers(formula, STAGES, copies)
    for name in CLASSIFIERS:
        weight = formula.small(f"{name}/weight", (21, 2048, 3, 3), 0.01)
        bias = formula.small(f"{name}/bias", (21,), 0.1)
        for copy in copies:
            layers[name.replace("voc12", f"voc12{copy}")] = Layer("Convolution", [weight, bias])
    path = write_caffemodel(tmp_path / "train_iter_20000.caffemodel", layers)
    checkpoint = load_checkpoint(path)
    path.unlink()  # half a gigabyte
    network = checkpoint.network
    expected = np.load(PARITY / "caffe_r101_msc_321.npz")
    with torch.no_grad():
        scores = network.score_scales(torch.tensor(expected["x"]))
        outputs = [*scores, network.fuse(scores)]
    names = ("fc1_voc12", "fc1_voc12_res075", "fc1_voc12_res05", "fc_fusion")
    for name, output in zip(names, outputs, strict=True):
        wanted = expected[name]
        assert output.shape == wanted.shape
        # two libraries sum some thousand products in different orders
        assert np.abs(output.numpy() - wanted).max() <= 1e-4 * np.abs(wanted).max(), name
    assert checkpoint.card.class_names[15] == "person"
    assert checkpoint.card.preprocessing.colour_order == "bgr"


class SmallNumbers:
    """Tensors for tests that are not about numbers: any, of the right shape."""

    @staticmethod
    def conv_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
        return np.full(shape, 1e-3, np.float32)

    @staticmethod
    def small(name: str, shape: tuple[int, ...], scale: float) -> np.ndarray:
        return np.full(shape, scale, np.float32)

    @staticmethod
    def positive(name: str, shape: tuple[int, ...], low: float, high: float) -> np.ndarray:
        return np.full(shape, high, np.float32)


RESNET50 = STAGES | {"4": (6, 256)}


def in_letters(layers: dict[str, Layer]) -> dict[str, Layer]:
    """Name blocks as He's ResNet-50 does: res3b, not res3b1."""
    return {
        re.sub(r"b(\d)_", lambda match: f"{'abcdef'[int(match[1])]}_", name): layer
        for name, layer in layers.items()
    }


@pytest.fixture(scope="module")
def resnet50() -> dict[str, Layer]:
    return in_letters(backbone_layers(SmallNumbers, RESNET50))


def classifier(num_classes: int, kernel_size: int) -> Layer:
    shape = (num_classes, 2048, kernel_size, kernel_size)
    return Layer("Convolution", [np.zeros(shape, np.float32), np.arange(num_classes, dtype="f4")])


def test_the_start_from_coco_has_one_1x1_layer_of_91_classes(tmp_path, resnet50):
    layers = resnet50 | {"fc1_coco": classifier(91, 1)}
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "init.caffemodel", layers))
    assert checkpoint.config.head == LinearConfig()
    assert checkpoint.config.num_classes == 91
    assert checkpoint.config.scales == (1.0,)
    torch.testing.assert_close(checkpoint.network.head.classifier.bias, torch.arange(91.0))
    assert checkpoint.network(torch.zeros(1, 3, 33, 40)).shape == (1, 91, 5, 6)


def test_hes_network_scores_imagenets_classes_at_every_position(tmp_path, resnet50):
    weight = np.zeros((1000, 2048), np.float32)
    layers = resnet50 | {"fc1000": Layer("InnerProduct", [weight, np.arange(1000, dtype="f4")])}
    layers["conv1"] = Layer("Convolution", [*layers["conv1"].blobs, np.full(64, 0.5, np.float32)])
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "res50.caffemodel", layers))
    assert checkpoint.config.backbone == "resnet50"
    assert checkpoint.config.num_classes == 1000
    mean = checkpoint.network.backbone.stem.norm.running_mean
    # the bias of conv1 is taken into the mean that its batch norm takes off
    torch.testing.assert_close(mean, torch.full((64,), 0.1 - 0.5))


def test_one_3x3_layer_is_largefov(tmp_path, resnet50):
    layers = resnet50 | {"fc1_voc12": classifier(21, 3)}
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
    assert checkpoint.config.head == ASPPConfig(rates=(12,))


def test_copies_for_smaller_pictures_are_left_out_even_if_they_differ(tmp_path, resnet50):
    layers = resnet50 | {"fc1_voc12": classifier(21, 1), "fc1_voc12_res05": classifier(7, 1)}
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
    assert checkpoint.config.scales == (1.0, 0.5)
    assert checkpoint.config.num_classes == 21


def test_a_factor_of_0_gives_statistics_of_0_as_in_caffe(tmp_path, resnet50):
    zero = np.zeros(64, np.float32)
    layers = resnet50 | {
        "bn_conv1": Layer("BatchNorm", [zero + 3, zero + 3, np.zeros(1, np.float32)]),
        "fc1_voc12": classifier(21, 1),
    }
    checkpoint = load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
    norm = checkpoint.network.backbone.stem.norm
    assert not norm.running_mean.any()
    assert not norm.running_var.any()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"res4c_branch2b": None}, r"missing.*layer3\.2\.conv2\.weight"),
        ({"bn4c_branch2b": Layer("BatchNorm", [np.ones(256, "f4")] * 2)}, "has 2 blobs"),
        ({"fc1_a": classifier(21, 1), "fc1_b": classifier(21, 1)}, "cannot tell the head"),
        ({"res4c_branch2b": Layer("Convolution", [np.ones((256, 256, 1, 1), "f4")])}, "shape"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, resnet50, changes, said):
    layers = resnet50 | {"fc1_voc12": classifier(21, 1)} | changes
    layers = {name: layer for name, layer in layers.items() if layer is not None}
    with pytest.raises(ValueError, match=said):
        load_checkpoint(write_caffemodel(tmp_path / "x.caffemodel", layers))
