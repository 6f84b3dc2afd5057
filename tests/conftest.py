"""What many tests need: a network file so simple that its answers are known, and real pictures."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing
from deeplab.cli.main import main
from deeplab.labels import VOC12, VOID, named
from deeplab.network_card import NetworkCard

COLOUR_CLASSES = ("background", "cat", "person")
"""What the network of `make_network` sees in black, red and green."""


def colour_card(output_stride: int = 4, longest_side: int | None = None) -> NetworkCard:
    return NetworkCard(
        name="colours",
        class_names=COLOUR_CLASSES,
        palette=named(COLOUR_CLASSES).palette,
        output_stride=output_stride,
        recipe="name: none\n",
        provenance={"data": "none"},
        longest_side=longest_side,
    )


@pytest.fixture
def make_network(tmp_path: Path) -> Callable[..., Path]:
    """Make a network file that tells red (cat) from green (person) from dark (background).

    Its scores are linear in the colour of the one pixel they belong to:
    (5, 10 * red, 10 * green), colours 0..1. So every result can be worked out by hand.
    """
    onnx = pytest.importorskip("onnx", reason="making network files needs the export extra")
    from onnx import TensorProto, helper, numpy_helper

    def make(
        *,
        output_stride: int = 4,
        longest_side: int | None = None,
        metadata: Mapping[str, str] | None = None,
        output_name: str = "class_scores",
        red_weight: float = 10 / 255,
    ) -> Path:
        weight = np.array([[0, 0, 0], [red_weight, 0, 0], [0, 10 / 255, 0]], dtype=np.float32)
        constants = {
            "starts": np.array([0, 0]),
            "ends": np.array([2**31, 2**31]),
            "axes": np.array([1, 2]),
            "steps": np.array([output_stride, output_stride]),
            "weight": weight[:, :, None, None],
            "bias": np.array([5, 0, 0], dtype=np.float32),
        }
        nodes = [
            helper.make_node("Slice", ["pictures", "starts", "ends", "axes", "steps"], ["points"]),
            helper.make_node("Cast", ["points"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("Conv", ["planes", "weight", "bias"], [output_name]),
        ]
        graph = helper.make_graph(
            nodes,
            "colours",
            [helper.make_tensor_value_info("pictures", TensorProto.UINT8, ["N", "H", "W", 3])],
            [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, ["N", 3, "h", "w"])],
            [numpy_helper.from_array(value, name) for name, value in constants.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        if metadata is None:
            metadata = colour_card(output_stride, longest_side).to_metadata()
        helper.set_model_props(model, dict(metadata))
        path = tmp_path / "colours.onnx"
        onnx.save(model, path)
        return path

    return make


@pytest.fixture
def network_path(make_network: Callable[..., Path]) -> Path:
    """The colour network at output stride 4."""
    return make_network()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for weight files, empty and not even there, in the place of the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DEEPLAB_CACHE", str(folder))
    return folder


@pytest.fixture
def run_weights(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run `deeplab weights ...`; gives exit code, standard output and standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["deeplab", "weights", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_info:
            main()
        return int(exit_info.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture(scope="session")
def fake_voc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds `VOCdevkit/VOC2012`, to be read only: 8 pictures `train`, 3 `val`.

    Each shows one square on dark noise: a red cat (8), a green dog (12) or a blue person (15).
    The first row of every label map is void.
    """
    folder = tmp_path_factory.mktemp("fake")
    root = folder / "VOCdevkit" / "VOC2012"
    for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / name).mkdir(parents=True)
    random = np.random.default_rng(0)
    names = [f"2012_{number:06}" for number in range(11)]
    for number, name in enumerate(names):
        height, width, top, left = random.integers((40, 40, 4, 4), (60, 60, 16, 16))
        square = np.s_[top : top + 20, left : left + 20]
        picture = random.integers(0, 60, (height, width, 3), dtype=np.uint8)
        picture[square][..., number % 3] += 180
        labels = np.zeros((height, width), np.uint8)
        labels[square], labels[0] = (8, 12, 15)[number % 3], VOID
        Image.fromarray(picture).save(root / "JPEGImages" / f"{name}.jpg", quality=95)
        drawing.write_label_map(root / "SegmentationClass" / f"{name}.png", labels, VOC12.palette)
    lists = root / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("".join(f"{name}\n" for name in names[:8]))
    (lists / "val.txt").write_text("".join(f"{name}\n" for name in names[8:]))
    return folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The real data sets that lie beside the repository on development machines."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data sets beside the repository (../shared/data)")
    return folder


@pytest.fixture(scope="session")
def real_voc_root(real_data: Path) -> Path:
    """The real PASCAL VOC pictures among them."""
    return real_data / "VOCdevkit" / "VOC2012"


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def picture(random: np.random.Generator) -> NDArray[np.uint8]:
    """Noise, (7, 9, 3)."""
    return random.integers(0, 256, (7, 9, 3), dtype=np.uint8)
