"""What `import deeplab` gives, and what it costs."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import deeplab
from deeplab.inference import Segmentation, Segmenter

REPOSITORY = Path(__file__).parents[1]

# Not pydantic: newer versions of typer bring and use it.
TRAINING_PACKAGES = (
    "av",
    "defusedxml",
    "imagecodecs",
    "lightning_fabric",
    "matplotlib",
    "onnx",
    "onnxscript",
    "openvino",
    "optuna",
    "pycocotools",
    "rasterio",
    "safetensors",
    "scipy",
    "tensorboard",
    "tifffile",
    "timm",
    "torch",
    "torchvision",
    "yaml",
)

BLOCK_IMPORTS = """
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(name + " is not installed", name=name)

sys.meta_path.insert(0, Blocker())
"""


def _run(code: str, *, blocked: tuple[str, ...] = ()) -> str:
    command = [sys.executable, "-W", "error", "-c", BLOCK_IMPORTS.format(blocked=blocked) + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_public_name_is_listed() -> None:
    assert sorted(deeplab.__all__) == ["Segmentation", "Segmenter", "__version__"]
    assert dir(deeplab) == deeplab.__all__


def test_public_names_are_the_things_they_name() -> None:
    assert deeplab.Segmenter is Segmenter
    assert deeplab.Segmentation is Segmentation


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    assert not hasattr(deeplab, "Segmentor")


def test_the_version_is_that_of_the_distribution() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["version"] == deeplab.__version__


def test_importing_deeplab_is_light() -> None:
    _run("import deeplab", blocked=("numpy", "PIL", "onnxruntime", "typer", "rich"))


@pytest.mark.parametrize("more", [[], ["--crf", "resnet101"]], ids=["plain", "crf"])
def test_what_a_photo_needs_runs_without_the_training_packages(
    more: list[str], network_path: Path, tmp_path: Path
) -> None:
    photo_path = tmp_path / "red.png"
    Image.fromarray(np.full((6, 9, 3), (255, 0, 0), np.uint8)).save(photo_path)
    arguments = [
        "segment",
        photo_path,
        "--weights",
        network_path,
        "--out",
        tmp_path,
        "--json",
        *more,
    ]
    printed = _run(
        "import deeplab.imaging, deeplab.inference, deeplab.labels, deeplab.weights\n"
        "from deeplab.cli.main import main\n"
        f"sys.argv = {['deeplab', *map(str, arguments)]}\n"
        "main()",
        blocked=TRAINING_PACKAGES,
    )
    assert '"name": "cat"' in printed


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["list"], "kazuto1011-voc12"),
        (["show", "voc12-lite"], "aeroplane"),
        (["show", "voc12-lite", "--path"], "voc12-lite.onnx"),
        (["verify"], "right, SHA-256"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_looking_at_weights_needs_no_training_packages(words: list[str], shown: str) -> None:
    printed = _run(
        f"from deeplab.cli.main import main\nsys.argv = {['deeplab', 'weights', *words]}\nmain()",
        blocked=TRAINING_PACKAGES,
    )
    assert shown in printed


def test_help_needs_neither_numpy_nor_a_network() -> None:
    printed = _run(
        "from deeplab.cli.main import main\nsys.argv = ['deeplab', '--help']\nmain()",
        blocked=("numpy", "PIL", "onnxruntime", *TRAINING_PACKAGES),
    )
    assert "segment" in printed
