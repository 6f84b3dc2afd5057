"""Runs a network file (ONNX) in onnxruntime, on the processor."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab.inference.engine import Engine
from deeplab.weights import NetworkCard

_INPUT, _OUTPUT = "pictures", "class_scores"


class OnnxRuntimeEngine(Engine):
    """A network file, loaded and ready.

    Args:
        network_path: The ONNX file, as `deeplab export` writes it.
        threads: Processor threads to use; None leaves it to onnxruntime (one for each core).

    Raises:
        ValueError: Not an ONNX file, or not one that follows our contract: uint8 `pictures`
            (N, H, W, 3) in, `class_scores` (N, K, h, w) out, a network card in the metadata.
    """

    def __init__(self, network_path: Path, *, threads: int | None = None) -> None:
        import onnxruntime  # here, because other engines shall not need it

        if threads is not None and threads < 1:
            raise ValueError(f"threads {threads}: give 1 or more, or leave it out")
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions, once
        options.intra_op_num_threads = threads or 0
        options.enable_mem_pattern = False  # it plans for one picture size; photos have many
        try:
            self._session = onnxruntime.InferenceSession(
                network_path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise ValueError(_not_a_network(network_path, error)) from error
        self._check_contract(network_path)
        metadata = self._session.get_modelmeta().custom_metadata_map
        try:
            self.card = NetworkCard.from_metadata(metadata)
        except ValueError as error:
            raise ValueError(f"{network_path}: {error}") from error

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        try:
            (scores,) = self._session.run([_OUTPUT], {_INPUT: np.ascontiguousarray(pictures)})
        except Exception as error:  # onnxruntime's exceptions share no base class
            height, width = pictures.shape[1:3]
            raise ValueError(
                f"network {self.card.name!r} failed on {len(pictures)} picture(s) of "
                f"{width}x{height} pixels: {error}"
            ) from error
        if not np.isfinite(scores).all():
            raise ValueError(f"network {self.card.name!r} gave class scores that are not finite")
        return np.asarray(scores, dtype=np.float32)

    def _check_contract(self, network_path: Path) -> None:
        inputs = [(one.name, one.type) for one in self._session.get_inputs()]
        outputs = [(one.name, one.type) for one in self._session.get_outputs()]
        if inputs != [(_INPUT, "tensor(uint8)")] or outputs != [(_OUTPUT, "tensor(float)")]:
            raise ValueError(
                f"{network_path}: an ONNX file of another kind (in {inputs}, out {outputs}); "
                f"wanted: uint8 {_INPUT!r} in, float {_OUTPUT!r} out, "
                "as `deeplab export` makes them"
            )


def _not_a_network(network_path: Path, error: Exception) -> str:
    if network_path.suffix in (".safetensors", ".pt", ".pth", ".ckpt"):
        return f"{network_path}: a checkpoint; make a network file of it with `deeplab export`"
    reason = str(error).splitlines()[0]
    return f"{network_path}: not an ONNX network file, or a damaged one ({reason})"
