from dataclasses import replace

import numpy as np
import pytest
import torch

from deeplab.inference import Setup
from deeplab.inference.torch_engine import TorchEngine, torch_devices, torch_precisions
from deeplab.labels import named
from deeplab.models import ASPPConfig, DeepLab, ModelConfig, build, save_checkpoint
from deeplab.network_card import NetworkCard

CLASSES = ("background", "cat", "dog")
CARD = NetworkCard("random", CLASSES, named(CLASSES).palette, 16, "name: random\n", {})
CONFIG = ModelConfig(
    backbone="test_efficientnet", num_classes=3, init="random", head=ASPPConfig(rates=(1, 2))
)


@pytest.fixture
def network() -> DeepLab:
    torch.manual_seed(0)
    return build(CONFIG).eval()


@pytest.fixture
def pictures() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 50, 67, 3), dtype=np.uint8)


def test_scores_are_those_of_the_network_behind_its_preprocessing(network, pictures):
    scores = TorchEngine(network, CARD).class_scores(pictures)
    prepared = (pictures - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]
    with torch.no_grad():
        wanted = network(torch.tensor(prepared).permute(0, 3, 1, 2).float())
    # float32: the same sums, of inputs that were rounded once or twice
    np.testing.assert_allclose(scores, wanted.numpy(), rtol=1e-4, atol=1e-5)
    assert scores.shape == (2, 3, 4, 5)
    assert scores.dtype == np.float32


def test_bfloat16_changes_the_scores_a_little(network, pictures):
    exact = TorchEngine(network, CARD).class_scores(pictures)
    rounded = TorchEngine(network, CARD, autocast=True).class_scores(pictures)
    assert rounded.dtype == np.float32
    assert not np.array_equal(rounded, exact)
    # 8 bits of a number are kept: a 250th, in each of some ten layers
    assert np.abs(rounded - exact).max() < 0.05 * np.abs(exact).max()


def test_a_checkpoint_scores_like_the_network_it_was_made_of(network, pictures, tmp_path):
    path = tmp_path / "random.safetensors"
    save_checkpoint(path, network.state_dict(), config=CONFIG, card=CARD)
    loaded = TorchEngine.from_checkpoint(path)
    assert loaded.card == replace(CARD, preprocessing=network.preprocessing)
    wanted = TorchEngine(network, CARD).class_scores(pictures)
    # Norms are folded, and values lie in another order in memory: sums are rounded otherwise.
    np.testing.assert_allclose(loaded.class_scores(pictures), wanted, rtol=1e-4, atol=1e-5)
    assert loaded.setup == Setup("torch", "f32", torch_devices()[0])


def test_bfloat16_of_a_checkpoint_is_that_of_autocast(network, pictures, tmp_path):
    # By a processor that has it, or emulated: both round at the same places, but for single sums.
    path = tmp_path / "random.safetensors"
    save_checkpoint(path, network.state_dict(), config=CONFIG, card=CARD)
    rounded = TorchEngine.from_checkpoint(path, precision="bf16", device="cpu")
    ours = rounded.class_scores(pictures)
    exact = TorchEngine(network, CARD).class_scores(pictures)
    theirs = TorchEngine(network, CARD, autocast=True).class_scores(pictures)
    ours_off, theirs_off = (np.abs(scores - exact).mean() for scores in (ours, theirs))
    assert 0 < theirs_off / 2 < ours_off < 2 * theirs_off
    assert str(rounded.setup) == "torch bf16"


def test_float32_is_always_there_and_the_processor_too():
    assert torch_devices()[-1] == "cpu"
    assert torch_precisions()[0] == "f32"


def test_a_device_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"torch has no tensorrt here; it has .*cpu"):
        TorchEngine.from_checkpoint(tmp_path / "any.safetensors", device="tensorrt")


def test_scores_that_are_no_numbers_are_an_error_as_in_other_engines(network, pictures):
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="not finite"):
        TorchEngine(network, CARD).class_scores(pictures)
