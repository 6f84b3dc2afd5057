import re
import sys
from pathlib import Path

import pytest
import torch

from deeplab.cli.main import main
from deeplab.crf import Bilateral, DenseCRF
from deeplab.inference import Segmenter, find_crf
from deeplab.inference.torch_engine import TorchEngine
from deeplab.labels import named
from deeplab.models import ASPPConfig, ModelConfig, build, save_checkpoint
from deeplab.network_card import NetworkCard

CLASSES = ("background", "cat", "dog")
CAT = Path(__file__).parents[2] / "examples" / "cat.jpg"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    """A light network with random weights, as training leaves it on disk."""
    torch.manual_seed(0)
    head = ASPPConfig(rates=(1, 2))
    config = ModelConfig(backbone="test_efficientnet", num_classes=3, init="random", head=head)
    card = NetworkCard("random", CLASSES, named(CLASSES).palette, 16, "name: random\n", {})
    path = tmp_path_factory.mktemp("trained") / "best.safetensors"
    save_checkpoint(path, build(config).state_dict(), config=config, card=card)
    return path


def run(monkeypatch, capsys, *arguments):
    """Run `deeplab export` in this process; give exit code, standard output and error."""
    monkeypatch.setattr(sys, "argv", ["deeplab", "export", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    captured = capsys.readouterr()
    return exit_info.value.code, captured.out, captured.err


def test_the_exported_file_labels_a_photo_as_the_checkpoint_does(
    checkpoint, tmp_path, monkeypatch, capsys
):
    network_path = tmp_path / "new folder" / "random.onnx"
    code, out, _ = run(monkeypatch, capsys, checkpoint, network_path)
    assert code == 0
    assert re.search(r"checked on pictures of 7 sizes: .* at most \S+e-0[5-9]", out)
    exported = Segmenter.load(network_path)
    trained = Segmenter(TorchEngine.from_checkpoint(str(checkpoint)))
    assert exported.card == trained.card
    same = exported(CAT).labels == trained(CAT).labels
    assert same.mean() > 0.999  # near ties of float32 scores summed in another order


def test_half_makes_the_file_half_as_large(checkpoint, tmp_path, monkeypatch, capsys):
    full, half = tmp_path / "full.onnx", tmp_path / "half.onnx"
    run(monkeypatch, capsys, checkpoint, full)
    code, _, _ = run(monkeypatch, capsys, checkpoint, half, "--half", "--pictures", CAT.parent)
    assert code == 0
    assert half.stat().st_size < 0.65 * full.stat().st_size


def test_scales_and_flip_inside_give_the_labels_of_scales_and_flip_outside(
    checkpoint, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "fused.onnx"
    code, out, _ = run(monkeypatch, capsys, checkpoint, path, "--scales", "0.5,0.75", "--flip")
    assert code == 0
    assert "checked on pictures of 7 sizes" in out
    engine = TorchEngine.from_checkpoint(str(checkpoint))
    outside = Segmenter(engine, scales=(0.5, 0.75), flip=True)(CAT).labels
    assert (Segmenter.load(path)(CAT).labels == outside).mean() > 0.999  # near ties


def test_what_8_bits_cost_is_measured_on_photos_and_printed(
    checkpoint, tmp_path, monkeypatch, capsys
):
    path = tmp_path / "int8.onnx"
    settings = ("--int8", "--calibrate", CAT.parent, "--limit", 1, "--accept-loss", 60)
    code, out, _ = run(monkeypatch, capsys, checkpoint, path, *settings)
    assert code == 0
    assert re.search(r"on 1 pictures of examples: \d+\.\d+% of the labels stay", out)
    assert re.search(r"\d\.\d+ times as fast as float32", out)
    card = Segmenter.load(path).card
    assert card.provenance["quantised"].startswith("int8, ranges of 2 pictures")


def test_a_program_of_torch_is_checked_and_written_alone(checkpoint, tmp_path, monkeypatch, capsys):
    path = tmp_path / "random.pt2"
    code, out, _ = run(monkeypatch, capsys, checkpoint, "--torch-export", path)
    assert code == 0
    assert "checked on pictures of 7 sizes" in out
    assert list(tmp_path.iterdir()) == [path]


def test_crf_parameters_travel_in_the_file(checkpoint, tmp_path, monkeypatch, capsys):
    (tmp_path / "my.yaml").write_text("bilateral:\n  weight: 5\n  xy: 55\n  rgb: 3.5\n")
    path = tmp_path / "random.onnx"
    run(monkeypatch, capsys, checkpoint, path)
    assert Segmenter.load(path).card.crf is None
    code, _, _ = run(monkeypatch, capsys, checkpoint, path, "--crf", tmp_path / "my.yaml")
    assert code == 0
    assert find_crf("stored", Segmenter.load(path).card) == DenseCRF(Bilateral(5, 55, 3.5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("OUT.onnx", "--crf"), "--crf: say which parameters to store"),
        (("OUT.onnx", "--crf", "my.yaml"), "my.yaml: no such file"),
        (("OUT.onnx", "--pictures", "nowhere"), "pictures nowhere: no such folder"),
        (("OUT.pth",), "network files end in .onnx"),
        ((), "nothing to write: give OUT.onnx, or --torch-export FILE.pt2"),
        (("--torch-export", "OUT.onnx"), "programs of torch end in .pt2"),
        (("--torch-export", "OUT.pt2", "--flip"), "--torch-export writes the network as it is"),
        (("OUT.onnx", "--int8"), "--int8 needs --calibrate DIR"),
        (("OUT.onnx", "--calibrate", "photos"), "--accept-loss are of --int8"),
        (("OUT.onnx", "--int8", "--half"), "--int8 writes OUT.onnx alone"),
        (("OUT.onnx", "--int8", "--calibrate", "photos"), "photos does not exist"),
        (("OUT.onnx", "--scales", "1,9"), "scale 9: allowed are 0.1 to 4"),
    ],
)
def test_a_mistake_ends_with_one_line_and_exit_code_2(
    checkpoint, tmp_path, monkeypatch, capsys, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(monkeypatch, capsys, checkpoint, *arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert list(tmp_path.iterdir()) == []


def test_a_network_file_is_not_taken_for_a_checkpoint(network_path, tmp_path, monkeypatch, capsys):
    code, _, err = run(monkeypatch, capsys, network_path, tmp_path / "out.onnx")
    assert code == 2
    assert "is a network file, which is used as it is: give a checkpoint" in err
