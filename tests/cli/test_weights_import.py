import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from deeplab.cli.main import main
from deeplab.download import hash_file
from deeplab.inference import Segmenter
from deeplab.inference.torch_engine import TorchEngine
from deeplab.registry import ELSEWHERE
from deeplab.weights import is_weights_name, resolve_checkpoint, resolve_network

FILE_NAME = "deeplabv3_mobilenet_v3_large-fc3c493d.pth"  # as torchvision's own is called

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of others, with random weights."""
    torch.manual_seed(0)
    network = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=21)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():  # statistics of pictures: else signals fade, and biases alone decide
        network.train()(torch.randn(4, 3, 97, 97))
    path = tmp_path_factory.mktemp("foreign") / FILE_NAME
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def imported(foreign: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder into which it was imported, network file and all, as "light"."""
    folder = tmp_path_factory.mktemp("cache")
    words = ["deeplab", "weights", "import", str(foreign), "--name", "light"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPLAB_CACHE", str(folder))
        patch.setattr(sys, "argv", words)
        with pytest.raises(SystemExit) as exit_info:
            main()
    assert not exit_info.value.code
    return folder


@pytest.fixture
def in_cache(imported: Path, own_cache: Path) -> Path:
    """A copy of it in the cache of this test."""
    shutil.copytree(imported, own_cache)
    return own_cache


def test_every_command_takes_the_name(in_cache: Path) -> None:
    assert resolve_network("light") == in_cache / "imported" / "light.onnx"
    assert resolve_checkpoint("light") == in_cache / "imported" / "light.safetensors"
    assert is_weights_name("light")
    segmenter = Segmenter.load("light")
    trained = Segmenter(TorchEngine.from_checkpoint("light"))
    assert segmenter.card == trained.card
    cat = Path(__file__).parents[2] / "examples" / "cat.jpg"
    labels = segmenter(cat).labels
    assert len(set(labels.flat)) > 3
    assert (labels == trained(cat).labels).mean() > 0.99  # near ties may turn


def test_the_card_says_where_it_comes_from(in_cache: Path, run_weights: Run) -> None:
    code, out, _ = run_weights("show", "light")
    assert code == 0
    assert "torchvision-deeplabv3" in out
    assert FILE_NAME in out
    assert "published as" not in out  # it is called like torchvision's own, but is not


def test_what_a_record_says_travels_with_its_file(
    foreign: Path, run_weights: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "torchvision-deeplabv3-mobilenet-v3-large"
    record = replace(ELSEWHERE[name], sha256=hash_file(foreign)[:8])
    monkeypatch.setitem(ELSEWHERE, name, record)
    assert run_weights("import", foreign, "--no-onnx")[0] == 0
    _, out, _ = run_weights("show", name)
    assert "published as" in out
    assert "MS COCO: annotations CC BY 4.0" in out
    _, out, _ = run_weights("list")
    assert "60.30 % (torchvision" in out.splitlines()[1]


def test_a_file_cannot_be_called_like_another_that_was_published(
    foreign: Path, run_weights: Run
) -> None:
    code, _, err = run_weights("import", foreign, "--name", "torchvision-resnet50-v1")
    assert code == 2
    assert "is not torchvision-resnet50-v1" in err


def test_it_is_listed_after_ours(in_cache: Path, run_weights: Run) -> None:
    _, out, _ = run_weights("list")
    assert [line.split("\t")[0] for line in out.splitlines()[:2]] == ["voc12-lite", "light"]
    assert out.splitlines()[1].endswith("imported")


def test_its_files_are_verified(in_cache: Path, run_weights: Run) -> None:
    code, out, _ = run_weights("verify", "light")
    assert code == 0
    assert out.count(": right") == 2
    (in_cache / "imported" / "light.onnx").write_bytes(b"damaged")
    assert run_weights("verify", "light")[0] == 1


def test_a_name_is_not_taken_twice(in_cache: Path, foreign: Path, run_weights: Run) -> None:
    code, _, err = run_weights("import", foreign, "--name", "light", "--no-onnx")
    assert code == 2
    assert "--overwrite" in err


def test_overwriting_leaves_no_network_file_of_before(
    in_cache: Path, foreign: Path, run_weights: Run
) -> None:
    code, out, _ = run_weights("import", foreign, "--name", "light", "--no-onnx", "--overwrite")
    assert code == 0
    assert "next: deeplab train RECIPE --set model.init=light" in out
    assert sorted(path.name for path in (in_cache / "imported").glob("light.*")) == [
        "light.safetensors",
        "light.safetensors.sha256",
    ]


def test_class_names_and_folder_can_be_chosen(
    foreign: Path, run_weights: Run, tmp_path: Path
) -> None:
    names = tmp_path / "names.txt"
    names.write_text("".join(f"kind {number}\n" for number in range(21)))
    out_dir = tmp_path / "out"
    code, out, _ = run_weights(
        "import", foreign, "--out", out_dir, "--classes", names, "--no-onnx", "--half"
    )
    assert code == 0
    assert "recognised: torchvision-deeplabv3" in out
    path = out_dir / "deeplabv3-mobilenet-v3-large-fc3c493d.safetensors"
    assert path.stat().st_size < 0.6 * foreign.stat().st_size
    _, shown, _ = run_weights("show", path)
    assert "21: kind 0, kind 1" in shown


def test_too_few_class_names_are_refused(foreign: Path, run_weights: Run, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("background\ncat\n")
    code, _, err = run_weights("import", foreign, "--classes", tmp_path / "names.txt")
    assert code == 2
    assert "2 names for the 21 outputs" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "voc12-lite"), "this is one of ours"),
        (("--name", "a/b"), "use letters, digits"),
        (("--classes", "nowhere.txt"), "nowhere.txt"),
        (("--layout", "darknet"), "darknet"),
    ],
)
def test_mistakes_write_nothing(
    foreign: Path, run_weights: Run, own_cache: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run_weights("import", foreign, *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert not (own_cache / "imported").exists() or not list((own_cache / "imported").iterdir())


def test_what_is_not_fetched_cannot_be_imported(run_weights: Run) -> None:
    code, _, err = run_weights("import", "kazuto1011-voc12")
    assert code == 2
    assert "`deeplab weights fetch kazuto1011-voc12`" in err
