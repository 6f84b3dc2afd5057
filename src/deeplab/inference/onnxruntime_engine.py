"""Runs a network file (ONNX) in onnxruntime: on the processor, or on a GPU where there is one."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.cache import compiled_dir
from deeplab.inference.engine import (
    Device,
    Engine,
    Setup,
    another_kind,
    check_scores,
    check_threads,
    not_a_network,
    run_failed,
)
from deeplab.network_card import NetworkCard
from deeplab.processor import num_cores

_INPUT, _OUTPUT = "pictures", "class_scores"
_PROVIDERS: dict[Device, str] = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}


class OnnxRuntimeEngine(Engine):
    """A network file, loaded and ready.

    Args:
        network_path: The ONNX file, as `deeplab export` writes it.
        threads: Processor threads to use; None: one for each core that this process may use.
        device: Where to compute, one of `onnxruntime_devices`.

    Raises:
        ValueError: Not an ONNX file, or not one that follows our contract: uint8 `pictures`
            (N, H, W, 3) in, `class_scores` (N, K, h, w) out, a network card in the metadata. Or
            the device cannot be used.
    """

    def __init__(
        self, network_path: Path, *, threads: int | None = None, device: Device = "cpu"
    ) -> None:
        import onnxruntime  # here, because other engines shall not need it

        check_threads(threads)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions, once
        options.intra_op_num_threads = _num_threads(threads)
        options.enable_mem_pattern = False  # it plans for one picture size; photos have many
        # Its threads would keep the cores for a while after a picture, which upsampling and the CRF
        # are waiting for.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.setup = Setup("onnxruntime", device=device)
        try:
            self._session = onnxruntime.InferenceSession(
                network_path, options, providers=_providers(device)
            )
        except Exception as error:  # onnxruntime's exceptions share no base class
            raise not_a_network(network_path, error) from error
        if _PROVIDERS[device] not in self._session.get_providers():  # it only warns of that
            raise ValueError(f"onnxruntime cannot use {device} here: its libraries do not load")
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
            raise run_failed(self.card, pictures, error) from error
        return check_scores(np.asarray(scores, dtype=np.float32), self.card)

    def _check_contract(self, network_path: Path) -> None:
        inputs = [(one.name, one.type) for one in self._session.get_inputs()]
        outputs = [(one.name, one.type) for one in self._session.get_outputs()]
        if inputs != [(_INPUT, "tensor(uint8)")] or outputs != [(_OUTPUT, "tensor(float)")]:
            raise another_kind(network_path, inputs, outputs)


def onnxruntime_devices() -> tuple[Device, ...]:
    """Say where the installed onnxruntime may compute: what it was built for, "cpu" first."""
    import onnxruntime

    built_for = onnxruntime.get_available_providers()
    return tuple(device for device, provider in _PROVIDERS.items() if provider in built_for)


def _num_threads(asked: int | None) -> int:
    """Say how many threads onnxruntime is to make; 0 leaves it to it."""
    if asked is None and num_cores() < (os.cpu_count() or 1):
        # Left to it, it ties threads to all cores of the machine, given to this process or not.
        return num_cores()
    return asked or 0


def _providers(device: Device) -> list[Any]:
    """List the providers of a device, first choice first, with their settings."""
    cuda = ("CUDAExecutionProvider", {"use_tf32": "0"})  # float32 shall be float32
    if device == "cpu":
        return ["CPUExecutionProvider"]
    if device == "cuda":
        return [cuda, "CPUExecutionProvider"]
    # It compiles for every picture size, minutes long: what it made is kept.
    folder = compiled_dir() / "tensorrt"
    folder.mkdir(parents=True, exist_ok=True)
    settings = {
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }
    return [("TensorrtExecutionProvider", settings), cuda, "CPUExecutionProvider"]
