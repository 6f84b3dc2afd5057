"""What `inference.py` measures: one function a case, which makes both sides of a contest ready.

To add a case, write such a function and add a `Case` to `CASES`.
"""

import importlib.util
import subprocess
import sys
import timeit
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from cold_start import PHOTO_SIZE, REPOSITORY
from inference_script import label_photo, load_network
from PIL import Image
from plain_network import PlainNetwork
from torch.nn import functional

from deeplab import Segmenter
from deeplab.inference import Engine, ScoreGrid
from deeplab.inference.engine import EngineName
from deeplab.inference.open_engine import find_setups, open_setup
from deeplab.labels import VOC12
from deeplab.models import ModelConfig, initialise, save_checkpoint
from deeplab.network_card import NetworkCard
from deeplab.precisions import Precision

DEEPLAB = Path(sys.executable).with_name("deeplab")
WEIGHTS = "voc12-lite"
SIZE = (375, 500)  # height, width


@dataclass(frozen=True)
class Contest:
    """Two ways to do the same, ready to be timed.

    Attributes:
        ours: What is timed of ours.
        theirs: What is timed of the other way.
        agreement: Says how far the results agree; both ran once before.
    """

    ours: Callable[[], object]
    theirs: Callable[[], object]
    agreement: Callable[[], str]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes:
        key: What `--cases` calls it.
        name: What is done.
        against: What with.
        at_least: So many times as fast as the other way, or it is a fault.
        aim: What we want.
        prepare: Makes it ready: data folder, scratch folder -> contest.
    """

    key: str
    name: str
    against: str
    at_least: float
    aim: float
    prepare: Callable[[Path, Path], Contest]


def upsampling_of_real_scores(data_dir: Path, folder: Path) -> Contest:
    """Take stored class scores of a photo.

    Raises:
        FileNotFoundError: They are not there.
    """
    with np.load(data_dir / "voc12_scores_60" / "2007_003106.npz") as file:
        return _upsampling(file["scores"].astype(np.float32))


def upsampling_of_noise(data_dir: Path, folder: Path) -> Contest:
    """Take scores that leave no class out anywhere: the worst that our kernel can meet."""
    return _upsampling(np.random.default_rng(0).normal(size=(21, 65, 65)).astype(np.float32))


def one_photo_warm(data_dir: Path, folder: Path) -> Contest:
    """Let `deeplab benchmark` find out first what the fastest engine is here."""
    _run([DEEPLAB, "benchmark", WEIGHTS])
    photo = _photo(folder)
    segmenter, network = Segmenter.load(WEIGHTS), load_network(WEIGHTS)

    def agreement() -> str:
        return _same(segmenter(photo).labels, label_photo(network, photo)[1])

    print(f"{WEIGHTS}, warm: {segmenter.engine.setup}\n")
    return Contest(lambda: segmenter(photo), lambda: label_photo(network, photo), agreement)


def one_photo_cold(data_dir: Path, folder: Path) -> Contest:
    photo = _photo(folder)
    ours = [DEEPLAB, "segment", photo, "--out", folder, "--overwrite", "--weights", WEIGHTS]
    script = Path(__file__).with_name("inference_script.py")
    theirs = [sys.executable, script, photo, folder / "script", WEIGHTS]

    def agreement() -> str:
        masks = [folder / "photo.mask.png", folder / "script.mask.png"]
        return _same(*(np.asarray(Image.open(mask)) for mask in masks))

    return Contest(lambda: _run(ours), lambda: _run(theirs), agreement)


def resnet101(data_dir: Path, folder: Path) -> Contest:
    """Score one crop with weights drawn at random: time does not depend on them."""
    checkpoint, network_file = _export_resnet101(folder)
    return _resnet101(checkpoint, network_file, ["f32"])


def resnet101_in_fewer_bits(data_dir: Path, folder: Path) -> Contest:
    """Score with the same network in bfloat16, or quantised on the example photos."""
    checkpoint, network_file = _export_resnet101(folder)
    options = ["--calibrate", REPOSITORY / "examples", "--accept-loss", "100"]
    integers = network_file.with_suffix(".int8.onnx")
    _run([DEEPLAB, "export", checkpoint, integers, "--int8", *options])
    return _resnet101(checkpoint, network_file, ["bf16", "int8"])


CASES = (
    Case(
        "upsample",
        "upsample + argmax of 21x65x65 real scores to 500x375, confidence too",
        "torch interpolate + argmax",
        4,
        8,
        upsampling_of_real_scores,
    ),
    Case(
        "upsample-noise",
        "the same of noise, where every class can win everywhere",
        "torch interpolate + argmax",
        4,
        8,
        upsampling_of_noise,
    ),
    Case(
        "resnet101",
        "ResNet-101 ASPP, stride 8, 513x513, float32",
        "the network written plainly in torch, same weights",
        1.9,
        2.5,
        resnet101,
    ),
    Case(
        "resnet101-reduced",
        "the same in bfloat16 or integers of 8 bits, whichever is faster",
        "the network written plainly in torch, float32",
        4,
        6,
        resnet101_in_fewer_bits,
    ),
    Case(
        "warm",
        f"{WEIGHTS}, one 500x375 photo, warm",
        "the same network in torch eager + bilinear + argmax",
        5,
        8,
        one_photo_warm,
    ),
    Case(
        "cold",
        "`deeplab segment`, one 500x375 photo, cold, no CRF",
        "a script around the same network in torch, cold",
        4,
        6,
        one_photo_cold,
    ),
)


def _upsampling(scores: np.ndarray) -> Contest:
    (height, width), (h, w) = SIZE, scores.shape[1:]
    grid = ScoreGrid(scores, np.linspace(0, h - 1, height), np.linspace(0, w - 1, width))
    batch = torch.from_numpy(scores)[None]

    def by_torch() -> torch.Tensor:
        return functional.interpolate(batch, size=SIZE, mode="bilinear", align_corners=True).argmax(
            dim=1
        )

    return Contest(grid.label, by_torch, lambda: _same(grid.label()[0], by_torch()[0].numpy()))


def _export_resnet101(folder: Path) -> tuple[Path, Path]:
    """Write ResNet-101 with ASPP, output stride 8, one scale: its checkpoint and network file."""
    config = ModelConfig(backbone="resnet101", output_stride=8, num_classes=21, init="random")
    card = NetworkCard("resnet101", VOC12.class_names, VOC12.palette, 8, "", {})
    checkpoint, network_file = folder / "resnet101.safetensors", folder / "resnet101.onnx"
    torch.manual_seed(0)
    save_checkpoint(checkpoint, initialise(config).state_dict(), config=config, card=card)
    _run([DEEPLAB, "export", checkpoint, network_file])
    return checkpoint, network_file


def _resnet101(checkpoint: Path, network_file: Path, precisions: list[Precision]) -> Contest:
    """Let torch meet the engine that is fastest here in one of these precisions."""
    crop, network = _crop(), load_network(checkpoint).network
    plain = PlainNetwork.like(network, 101, scales=(1.0,)).eval()
    batch = torch.from_numpy(crop).permute(0, 3, 1, 2).contiguous()

    def by_torch() -> np.ndarray:
        with torch.inference_mode():
            return plain(network.preprocessing.apply(batch))[0].numpy()

    def by_ours_in_torch() -> np.ndarray:
        with torch.inference_mode():
            return network(network.preprocessing.apply(batch)).numpy()

    names: list[EngineName] = ["onnxruntime"]
    if importlib.util.find_spec("openvino") is not None:
        names.append("openvino")
    setups = [setup for name in names for setup in find_setups(network_file, name)]
    engines = [open_setup(network_file, one) for one in setups if one.precision in precisions]
    expected = by_torch()
    least = {engine: _least_ms(partial(engine.class_scores, crop)) for engine in engines}
    for one, time_ms in least.items():
        print(f"{one.setup}: {time_ms:.0f} ms, {_same_labels(one, crop, expected)}")
    same = _same(by_ours_in_torch().argmax(axis=1), expected.argmax(axis=1))
    print(f"ours in torch, batch norms folded: {_least_ms(by_ours_in_torch):.0f} ms, {same}")
    print()
    engine = min(engines, key=lambda engine: least[engine])

    def agreement() -> str:
        return f"{_same_labels(engine, crop, by_torch())} ({engine.setup})"

    return Contest(lambda: engine.class_scores(crop), by_torch, agreement)


def _least_ms(run: Callable[[], object]) -> float:
    return 1000 * min(timeit.repeat(run, repeat=3, number=1))


def _same_labels(engine: Engine, crop: np.ndarray, expected: np.ndarray) -> str:
    return _same(engine.class_scores(crop).argmax(axis=1), expected.argmax(axis=1))


def _crop() -> np.ndarray:
    photo = Image.open(REPOSITORY / "examples" / "boats.jpg").convert("RGB")
    return np.asarray(photo.resize((513, 513)))[None].copy()


def _photo(folder: Path) -> Path:
    photo = folder / "photo.jpg"
    Image.open(REPOSITORY / "examples" / "boats.jpg").resize(PHOTO_SIZE).save(photo)
    return photo


def _run(command: list) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def _same(ours: np.ndarray, theirs: np.ndarray) -> str:
    return f"{100 * (ours == theirs).mean():.2f} % of labels"
