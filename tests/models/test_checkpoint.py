import hashlib
import re
from dataclasses import replace

import pytest
import torch
import torchvision
from safetensors.torch import save_file

from deeplab.labels import named
from deeplab.models import (
    LargeFOVConfig,
    LinearConfig,
    ModelConfig,
    build,
    initialise,
    load_checkpoint,
    save_checkpoint,
)
from deeplab.network_card import NetworkCard

CONFIG = ModelConfig(backbone="test_efficientnet", init="random", num_classes=3)
CARD = NetworkCard("small", ("a", "b", "c"), named(("a", "b", "c")).palette, 16, "name: x\n", {})


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    network = build(CONFIG).eval()
    path = tmp_path / "small.safetensors"
    save_checkpoint(path, network.state_dict(), config=CONFIG, card=CARD)
    return network, path


def scores(network: torch.nn.Module) -> torch.Tensor:
    picture = torch.randn(1, 3, 49, 65, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return network(picture)


def test_a_checkpoint_scores_as_the_network_it_was_made_of(saved):
    network, path = saved
    loaded = load_checkpoint(path)
    assert torch.equal(scores(loaded.network), scores(network))
    assert loaded.config == CONFIG
    assert loaded.card == replace(CARD, preprocessing=network.preprocessing)
    assert not loaded.network.training


def test_16_bits_halve_the_file_and_hardly_change_the_scores(saved):
    network, path = saved
    half_path = path.with_name("half.safetensors")
    save_checkpoint(half_path, network.state_dict(), config=CONFIG, card=CARD, half=True)
    assert half_path.stat().st_size < 0.6 * path.stat().st_size
    loaded = load_checkpoint(half_path).network
    assert {parameter.dtype for parameter in loaded.parameters()} == {torch.float32}
    # 11 bits of a number are kept: a thousandth, in each of some ten layers
    torch.testing.assert_close(scores(loaded), scores(network), rtol=0.02, atol=1e-3)


def test_training_starts_from_a_checkpoint_whole_if_the_classes_are_as_many(saved):
    network, path = saved
    started = initialise(CONFIG.model_copy(update={"init": str(path)})).eval()
    assert torch.equal(scores(started), scores(network))


def test_training_with_other_classes_starts_from_the_backbone_alone(saved):
    network, path = saved
    config = CONFIG.model_copy(update={"init": str(path), "num_classes": 7})
    started = initialise(config).eval()
    assert scores(started).shape[1] == 7
    wanted = network.backbone.state_dict()
    got = started.backbone.state_dict()
    assert all(torch.equal(got[key], wanted[key]) for key in wanted)


def test_a_checkpoint_of_another_backbone_is_no_start(saved):
    _, path = saved
    config = ModelConfig(backbone="resnet18", init=str(path), num_classes=3)
    with pytest.raises(ValueError, match=r"not a resnet18"):
        initialise(config)


def test_a_damaged_file_is_named(saved):
    _, path = saved
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"small.safetensors"):
        load_checkpoint(path)


def test_a_safetensors_file_of_others_needs_a_layout_that_is_known(tmp_path):
    path = tmp_path / "theirs.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match=r"theirs\.safetensors: names of a layout .* weight\. "):
        load_checkpoint(path)


def test_a_layout_is_for_files_of_others_alone(saved):
    _, path = saved
    with pytest.raises(ValueError, match=r"layout='isht7' is for files of others"):
        load_checkpoint(path, layout="isht7")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """torchvision's ResNet-50 with 21 classes, in safetensors of torchvision's names."""
    torch.manual_seed(0)
    state = torchvision.models.resnet50(num_classes=21).state_dict()
    path = tmp_path_factory.mktemp("theirs") / "theirs.safetensors"
    save_file(state, path)
    return state, path


def test_a_file_of_others_becomes_one_of_ours_with_the_same_scores(theirs, tmp_path):
    state, path = theirs
    loaded = load_checkpoint(path)
    ours_path = tmp_path / "ours.safetensors"
    weights = loaded.network.state_dict()
    save_checkpoint(ours_path, weights, config=loaded.config, card=loaded.card)
    ours = load_checkpoint(ours_path)
    assert torch.equal(scores(ours.network), scores(loaded.network))
    assert (ours.config, ours.card) == (loaded.config, loaded.card)
    assert ours.card.provenance["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert ours.card.provenance["file"] == "theirs.safetensors"
    assert torch.equal(ours.network.state_dict()["backbone.stem.weight"], state["conv1.weight"])


def test_tensors_that_a_file_of_others_lacks_are_said(theirs, tmp_path):
    state, _ = theirs
    path = tmp_path / "less.safetensors"
    save_file({name: value for name, value in state.items() if name != "bn1.bias"}, path)
    with pytest.raises(ValueError, match=r"torchvision-resnet: .* 1 missing: backbone\.stem"):
        load_checkpoint(path)


def start_from(path, backbone, **settings):
    return ModelConfig(backbone=backbone, init=str(path), output_stride=16, **settings)


def test_training_starts_from_the_backbone_of_others_and_from_their_classes(theirs):
    state, path = theirs
    config = start_from(path, "resnet50-torchvision", head=LinearConfig(), num_classes=3)
    network = initialise(config, ["cat", "lion", "background"])
    assert torch.equal(network.backbone.layer1[0].conv2.weight, state["layer1.0.conv2.weight"])
    weight = network.head.classifier.weight[:, :, 0, 0]
    assert torch.equal(weight[0], state["fc.weight"][8])
    assert torch.equal(weight[2], state["fc.weight"][0])


def test_names_that_are_hes_and_torchvisions_start_hes_network_with_a_warning(theirs, caplog):
    state, path = theirs
    network = initialise(start_from(path, "resnet50"))
    assert torch.equal(network.backbone.layer1[0].conv2.weight, state["layer1.0.conv2.weight"])
    assert "taken for one of He's" in caplog.text


def test_weights_of_another_flavour_do_not_start_a_resnet(theirs):
    _, path = theirs
    with pytest.raises(ValueError, match="its backbone is a resnet50-torchvision, not a resnet101"):
        initialise(start_from(path, "resnet101"))


def test_a_failed_write_leaves_the_old_checkpoint(saved, monkeypatch):
    network, path = saved
    before = path.read_bytes()

    def refuse(source: str, target: str) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", refuse)
    with pytest.raises(OSError, match="disk full"):
        save_checkpoint(path, network.state_dict(), config=CONFIG, card=CARD)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_start_that_is_neither_a_file_nor_a_name_says_what_is_allowed():
    config = CONFIG.model_copy(update={"init": "imagenett"})
    with pytest.raises(ValueError, match=r"model\.init: .*'imagenett'.*`imagenet` and `random`"):
        initialise(config)


def test_a_header_that_describes_no_network_is_named(saved):
    network, path = saved
    tensors = network.state_dict()
    save_file(tensors, path, {"model": '{"backbone": "none"}', **CARD.to_metadata()})
    with pytest.raises(ValueError, match=r"small\.safetensors: .*unknown backbone 'none'"):
        load_checkpoint(path)
    save_file({"head.x": torch.zeros(3)}, path, {"model": CONFIG.model_dump_json()})
    with pytest.raises(ValueError, match=r"small\.safetensors: .*metadata lacks name"):
        load_checkpoint(path)


def test_weights_of_another_network_than_the_header_says_are_refused(saved):
    network, path = saved
    other = CONFIG.model_copy(update={"num_classes": 4})
    save_checkpoint(path, network.state_dict(), config=other, card=CARD)
    with pytest.raises(ValueError, match=r"small\.safetensors: .*size mismatch"):
        load_checkpoint(path)


def test_how_much_starts_random_is_logged(saved, caplog):
    _, path = saved
    with caplog.at_level("INFO"):
        initialise(CONFIG.model_copy(update={"init": str(path), "num_classes": 7}))
    assert re.search(r": 8 of \d+ tensors start random", caplog.text)  # 4 branches


@pytest.fixture
def trained(saved):
    """A checkpoint whose last layers are all different from what they start as."""
    network, path = saved
    with torch.no_grad():
        for parameter in network.head.parameters():
            torch.nn.init.normal_(parameter)
    save_checkpoint(path, network.state_dict(), config=CONFIG, card=CARD)
    return network, path


def test_classes_of_the_same_name_keep_their_filters_wherever_they_stand(trained):
    network, path = trained
    config = CONFIG.model_copy(update={"init": str(path), "num_classes": 4})
    started = initialise(config, ("x", "c", "y", "a")).eval()
    before, after = scores(network), scores(started)
    torch.testing.assert_close(after[:, 1], before[:, 2])  # other sums: they are four now
    torch.testing.assert_close(after[:, 3], before[:, 0])
    for place in (0, 2):
        differences = [(after[:, place] - before[:, old]).abs().max() for old in range(3)]
        assert min(differences) > 0.1


def test_as_many_classes_of_other_names_start_anew(trained):
    network, path = trained
    started = initialise(CONFIG.model_copy(update={"init": str(path)}), ("a", "x", "y")).eval()
    before, after = scores(network), scores(started)
    torch.testing.assert_close(after[:, 0], before[:, 0])
    assert (after[:, 1] - before[:, 1]).abs().max() > 0.1
    same = initialise(CONFIG.model_copy(update={"init": str(path)}), ("a", "b", "c")).eval()
    assert torch.equal(scores(same), before)


def test_a_large_field_of_view_keeps_its_hidden_layers_and_the_filters_of_known_classes(tmp_path):
    head = LargeFOVConfig(hidden_channels=8)
    config = ModelConfig(backbone="test_efficientnet", head=head, init="random", num_classes=3)
    network = build(config).eval()
    path = tmp_path / "fov.safetensors"
    save_checkpoint(path, network.state_dict(), config=config, card=CARD)
    config = config.model_copy(update={"init": str(path), "num_classes": 2})
    started = initialise(config, ("new", "b")).eval()
    torch.testing.assert_close(scores(started)[:, 1], scores(network)[:, 1])


def test_which_classes_are_known_is_logged(trained, caplog):
    _, path = trained
    with caplog.at_level("INFO"):
        initialise(CONFIG.model_copy(update={"init": str(path)}), ("a", "x", "c"))
    assert "of the 3 classes 2 are known already: a, c" in caplog.text


def test_a_network_of_other_bands_starts_from_one_of_three(saved):
    network, path = saved
    config = CONFIG.model_copy(update={"init": str(path), "in_channels": 6})
    started = initialise(config).eval()
    grey = torch.randn(1, 1, 33, 33, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        theirs, ours = network(grey.expand(-1, 3, -1, -1)), started(grey.expand(-1, 6, -1, -1))
    torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-5)  # float32, other sums


def test_a_head_that_is_not_kept_starts_random_though_all_classes_are_known(trained):
    network, path = trained
    config = CONFIG.model_copy(update={"init": str(path), "keep_head": False})
    started, theirs = initialise(config, ("a", "b", "c")).state_dict(), network.state_dict()
    for name, value in theirs.items():
        if name.startswith("backbone."):
            assert torch.equal(started[name], value)
        elif name.endswith(".weight"):
            assert not torch.equal(started[name], value)
            assert started[name].std() < 0.02  # gaussian, 0.01, as published
