import dataclasses
from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from tests.export.tiny import CLASSES, STRIDE, card, file_scores, tiny_network
from torch import nn

from deeplab.export import export_network, read_check_pictures
from deeplab.inference import Segmenter
from deeplab.models import ASPPConfig, LargeFOVConfig, ModelConfig, build


@pytest.fixture(scope="module")
def pictures():
    return read_check_pictures()


@pytest.fixture(scope="module")
def exported(tmp_path_factory, pictures):
    """The tiny network as a file, in both precisions (exporting takes seconds)."""
    folder = tmp_path_factory.mktemp("exported")
    agreements = {
        half: export_network(
            tiny_network(), card(), folder / f"half_{half}.onnx", pictures=pictures, half=half
        )
        for half in (False, True)
    }
    return folder, agreements


def network_scores(network, batch):
    """Preprocess by hand, then score: (N, H, W, 3) -> (N, K, h, w)."""
    normalised = (batch - np.array([123.0, 116.0, 103.0])) / np.array([58.0, 57.0, 56.0])
    if network.preprocessing.colour_order == "bgr":
        normalised = normalised[..., ::-1]
    planes = np.ascontiguousarray(normalised.transpose(0, 3, 1, 2), dtype=np.float32)
    with torch.inference_mode():
        return network(torch.from_numpy(planes)).numpy()


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 97, 33), (3, 40, 64), (1, 5, 161)])
def test_the_file_scores_batches_of_any_size_as_the_network(exported, size):
    batch = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    ours = file_scores(exported[0] / "half_False.onnx", batch)
    assert ours.shape == (size[0], 3, -(-size[1] // STRIDE), -(-size[2] // STRIDE))
    # float32 sums in another order
    np.testing.assert_allclose(ours, network_scores(tiny_network(), batch), rtol=1e-4, atol=1e-4)


def paper_network(backbone):
    """As published but for the depth of the ResNet and the width of VGG's head."""
    heads = {"resnet50": ASPPConfig(), "vgg16": LargeFOVConfig(hidden_channels=16)}
    scales = (1, 0.75, 0.5) if backbone == "resnet50" else (1,)
    torch.manual_seed(0)
    config = ModelConfig(
        backbone=backbone,
        output_stride=8,
        head=heads[backbone],
        scales=scales,
        num_classes=len(CLASSES),
        init="random",
    )
    return build(config).eval()


@pytest.mark.parametrize("backbone", ["vgg16", pytest.param("resnet50", marks=pytest.mark.slow)])
def test_networks_of_the_paper_are_exported_for_any_size(tmp_path, pictures, backbone):
    network, path = paper_network(backbone), tmp_path / "paper.onnx"
    parts = [picture[:97, :130] for picture in pictures]
    export_network(network, dataclasses.replace(card(), output_stride=8), path, pictures=parts)
    for size in [(33, 41), (32, 42), (40, 7), (1, 1)]:
        batch = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
        with torch.inference_mode():
            planes = torch.from_numpy(batch).permute(0, 3, 1, 2)
            expected = network(network.preprocessing.apply(planes)).numpy()
        found = file_scores(path, batch)
        difference = np.abs(found - expected).max() / np.abs(expected).max()
        assert difference < 1e-4, size  # float32 sums in another order, some hundred layers
    nodes = Counter(node.op_type for node in onnx.load(path).graph.node)
    assert nodes["BatchNormalization"] == 0
    assert nodes["Mul"] <= 2  # of preprocessing and sizes: filters are stored as they are used


def test_half_precision_changes_scores_by_rounding_only(exported, pictures):
    batch = pictures[0][None]
    full = network_scores(tiny_network(), batch)
    half = file_scores(exported[0] / "half_True.onnx", batch)
    assert 0 < np.abs(half - full).max() < 0.01 * np.abs(full).max()


def test_half_precision_stores_filters_in_two_bytes_a_value(exported):
    graph = onnx.load(exported[0] / "half_True.onnx").graph
    filter_types = {one.data_type for one in graph.initializer if len(one.dims) == 4}
    assert filter_types == {onnx.TensorProto.FLOAT16}
    biases = {node.input[2] for node in graph.node if node.op_type == "Conv"}
    bias_types = {one.data_type for one in graph.initializer if one.name in biases}
    assert bias_types == {onnx.TensorProto.FLOAT}


def test_batch_norms_are_folded_into_the_convolutions(exported):
    nodes = Counter(node.op_type for node in onnx.load(exported[0] / "half_False.onnx").graph.node)
    assert nodes["Conv"] == 5
    assert nodes["BatchNormalization"] == 0


def test_the_card_travels_in_the_metadata(exported):
    segmenter = Segmenter.load(exported[0] / "half_False.onnx")
    preprocessing = tiny_network().preprocessing
    assert segmenter.card == replace(card(), preprocessing=preprocessing)
    half_card = Segmenter.load(exported[0] / "half_True.onnx").card
    assert half_card.provenance["stored_filters"].startswith("float16")


def test_the_file_names_nothing_of_the_machine_it_was_made_on(exported):
    model = onnx.load(exported[0] / "half_False.onnx")
    assert b".py" not in model.SerializeToString()
    assert {entry.key for entry in model.metadata_props} == set(card().to_metadata())


def test_the_file_is_a_valid_onnx_model(exported):
    for path in exported[0].iterdir():
        onnx.checker.check_model(onnx.load(path), full_check=True)


def test_a_network_that_takes_bgr_is_given_bgr(tmp_path, pictures):
    network = tiny_network("bgr")
    path = tmp_path / "bgr.onnx"
    export_network(network, card(), path, pictures=pictures[:1])
    batch = pictures[1][None]
    scores = file_scores(path, batch)
    np.testing.assert_allclose(scores, network_scores(network, batch), rtol=1e-4, atol=1e-4)
    assert np.abs(scores - network_scores(tiny_network(), batch)).max() > 0.1


def test_a_network_that_takes_one_size_only_is_refused(tmp_path, pictures):
    class FixedSize(nn.Module):
        def forward(self, x):
            return x[:, :, ::STRIDE, ::STRIDE].reshape(2, 3, 41, 49)

    network = tiny_network()
    network.backbone, network.head = FixedSize(), nn.Identity()
    path = tmp_path / "fixed.onnx"
    with pytest.raises(ValueError, match=r"failed on 1 picture"):
        export_network(network, card(), path, pictures=pictures)
    assert not path.exists()


def test_a_filter_too_large_for_half_precision_is_refused(tmp_path, pictures):
    network = tiny_network()
    with torch.no_grad():
        network.head.branches[0].weight[0, 0, 0, 0] = 1e5
    path = tmp_path / "large.onnx"
    with pytest.raises(ValueError, match=r"beyond 65504.*export without half"):
        export_network(network, card(), path, pictures=pictures, half=True)
    assert not path.exists()


def test_another_file_name_is_refused(tmp_path, pictures):
    with pytest.raises(ValueError, match=r"network files end in \.onnx"):
        export_network(tiny_network(), card(), tmp_path / "out.pt", pictures=pictures)
