"""What runs a network: the one interface between the `Segmenter` and a runtime."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from deeplab.network_card import NetworkCard
from deeplab.precisions import Precision

EngineName = Literal["onnxruntime", "openvino", "torch"]
"""The runtimes that we can use; "onnxruntime" comes with the core install."""

Device = Literal["cpu", "cuda", "tensorrt", "mps"]
"""Where an engine computes; "tensorrt" is NVIDIA's compiler in onnxruntime, on a GPU."""


@dataclass(frozen=True)
class Setup:
    """One way to run a network.

    Attributes:
        engine: The runtime.
        precision: What it computes in.
        device: Where.
        compiled: In torch: whether the network is compiled by `torch.compile`.
    """

    engine: EngineName
    precision: Precision = "f32"
    device: Device = "cpu"
    compiled: bool = False

    def __str__(self) -> str:
        """Name it in words, such as "torch bf16 on cuda, compiled"."""
        device = "" if self.device == "cpu" else f" on {self.device}"
        return f"{self.engine} {self.precision}{device}{', compiled' if self.compiled else ''}"


PLAIN = Setup("onnxruntime")
"""What every installation can run, and every processor."""


_CHECKPOINT_SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt", ".caffemodel")


class Engine(ABC):
    """A network that is ready to run.

    Attributes:
        card: What the network says about itself: classes, colours, output stride s.
        setup: How it is run; None: in a way of its own.
    """

    card: NetworkCard
    setup: Setup | None = None

    @abstractmethod
    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size: (N, H, W, 3) RGB 0..255 -> class scores (N, K, h, w).

        Score (i, j) belongs to pixel (s * i, s * j). There are h = ceil(H / s) rows, or more: a
        network whose pools round up, as Caffe's do, has one behind the last pixel of most sizes
        that are not s * k + 1. The same is so of columns. Of a file with scales inside (see
        `NetworkCard.inner_scales`) the pixels are those of its largest scale.

        Several threads may call it at once.
        """


def is_checkpoint(weights: str | Path) -> bool:
    """Tell the path of a checkpoint, which torch alone can run, from that of a network file."""
    return Path(weights).suffix.lower() in _CHECKPOINT_SUFFIXES


def check_threads(threads: int | None) -> None:
    """Refuse numbers of threads that are none.

    Raises:
        ValueError: Below 1.
    """
    if threads is not None and threads < 1:
        raise ValueError(f"threads {threads}: give 1 or more, or leave it out")


def check_scores(scores: NDArray[np.float32], card: NetworkCard) -> NDArray[np.float32]:
    """Give class scores back, if they are numbers.

    Raises:
        ValueError: Some are not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"network {card.name!r} gave class scores that are not finite")
    return scores


def run_failed(card: NetworkCard, pictures: NDArray[np.uint8], error: Exception) -> ValueError:
    """Say that a runtime failed on pictures (N, H, W, 3), in the words that all engines use."""
    height, width = pictures.shape[1:3]
    return ValueError(
        f"network {card.name!r} failed on {len(pictures)} picture(s) of "
        f"{width}x{height} pixels: {error}"
    )


def not_a_network(path: Path, error: Exception) -> ValueError:
    """Say that a file cannot be loaded as a network file, in the words that all engines use."""
    if is_checkpoint(path):
        return ValueError(f"{path}: a checkpoint; make a network file of it with `deeplab export`")
    reason = (str(error).splitlines() or [type(error).__name__])[0]
    return ValueError(f"{path}: not an ONNX network file, or a damaged one ({reason})")


def another_kind(path: Path, inputs: object, outputs: object) -> ValueError:
    """Say that an ONNX file does not keep to our contract."""
    return ValueError(
        f"{path}: an ONNX file of another kind (in {inputs}, out {outputs}); "
        "wanted: uint8 'pictures' in, float 'class_scores' out, as `deeplab export` makes them"
    )
