"""Runs a network file (ONNX) in openvino, on the processor (needs the `openvino` extra).

What was compiled is kept in the cache folder, so that the next start need not compile again.
"""

import functools
import importlib
import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab.cache import compiled_dir
from deeplab.inference.engine import (
    Engine,
    Setup,
    another_kind,
    check_scores,
    check_threads,
    not_a_network,
    run_failed,
)
from deeplab.inference.network_file import hash_network, read_card
from deeplab.precisions import Precision

_INPUT, _OUTPUT = "pictures", "class_scores"
_CAPABILITIES: dict[str, Precision] = {"FP32": "f32", "BF16": "bf16"}  # openvino's name, and ours
_MOST_COMPILED = 2 << 30  # bytes of compiled networks; older ones are removed
_MOST_KERNELS = 10_000  # kept of all streams, some twenty for each picture size, 0.2 MB each


class OpenvinoEngine(Engine):
    """A network file, compiled and ready.

    Args:
        network_path: The ONNX file, as `deeplab export` writes it.
        precision: What to compute in, one of `openvino_precisions`.
        threads: Processor threads for one picture; None: all cores.
        workers: From how many threads pictures will come at once.

    Raises:
        ValueError: openvino is not installed, the processor lacks the precision, or the file does
            not follow our contract, see `OnnxRuntimeEngine`.
    """

    def __init__(
        self,
        network_path: Path,
        *,
        precision: Precision = "f32",
        threads: int | None = None,
        workers: int = 1,
    ) -> None:
        check_threads(threads)
        _check_precision(precision)
        self.setup = Setup("openvino", precision)
        self.card = read_card(network_path)
        settings = _settings(precision, threads, workers)
        self._network = _compile(network_path, settings)
        _check_contract(self._network, network_path)
        self._requests = threading.local()  # a request serves one picture at a time

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._network.create_infer_request()
        try:
            found = request.infer({_INPUT: np.ascontiguousarray(pictures)})
        except Exception as error:  # openvino's exceptions share no base class
            raise run_failed(self.card, pictures, error) from error
        # The request writes its next scores over these.
        return check_scores(np.array(found[_OUTPUT], dtype=np.float32), self.card)


def openvino_precisions() -> tuple[Precision, ...]:
    """Say what this processor computes in, as openvino finds.

    Raises:
        ValueError: openvino is not installed.
    """
    found = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return tuple(ours for theirs, ours in _CAPABILITIES.items() if theirs in found)


def _core() -> Any:
    try:
        return _only_core(importlib.import_module("openvino"))
    except ModuleNotFoundError:
        raise ValueError(
            "engine openvino is not installed: pip install 'deeplabkit[openvino]'"
        ) from None
    except ImportError as error:  # it is there, but not whole
        raise ValueError(f"engine openvino cannot be imported: {error}") from error


@functools.cache
def _only_core(openvino: Any) -> Any:
    """Make the one core of this process, which is there to its end.

    Every core gives the thread that makes it a stack for signals, and gives back the one from
    before when it goes. With several, that can be one that is gone: the next Ctrl-C would crash
    (`SigAltStackSetup` in openvino's src/plugins/intel_cpu).
    """
    return openvino.Core()


def _check_precision(precision: Precision) -> None:
    allowed = openvino_precisions()
    if precision not in allowed:
        raise ValueError(
            f"precision {precision}: this processor does not have it in openvino; "
            f"it has {', '.join(allowed)}"
        )


def _settings(precision: Precision, threads: int | None, workers: int) -> dict[str, Any]:
    return {
        # Not left to openvino: it would take bfloat16 wherever there is some.
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY" if workers == 1 else "THROUGHPUT",
        "NUM_STREAMS": workers,
        "INFERENCE_NUM_THREADS": (threads or 0) * workers,  # of all streams; 0: all cores
        # It would keep 5000 for every stream, and with many streams take all memory.
        "CPU_RUNTIME_CACHE_CAPACITY": min(5000, max(1000, _MOST_KERNELS // workers)),
        # Two processes would bind their threads to the same cores.
        "ENABLE_CPU_PINNING": False,
    }


def _compile(network_path: Path, settings: dict[str, Any]) -> Any:
    """Compile a network file, or load what was compiled of it before."""
    # openvino knows files by name and time; ours are known by their content.
    folder = compiled_dir() / hash_network(network_path)[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = settings | {"CACHE_DIR": str(folder)}
        network = _core().compile_model(str(network_path), "CPU", kept)
    except Exception:  # no place to keep it, or a file there that is damaged: do without
        try:
            return _core().compile_model(str(network_path), "CPU", settings)
        except Exception as error:  # openvino's exceptions share no base class
            raise not_a_network(network_path, error) from error
    if not network.get_property("LOADED_FROM_CACHE"):
        _remove_oldest(folder.parent)
    return network


def _remove_oldest(folder: Path) -> None:
    """Keep the compiled networks that were made last, and no more than a disk can take."""
    blobs = sorted(folder.glob("*/*.blob"), key=lambda path: path.stat().st_mtime, reverse=True)
    total = 0
    for path in blobs:
        total += path.stat().st_size
        if total > _MOST_COMPILED:
            path.unlink(missing_ok=True)


def _check_contract(network: Any, network_path: Path) -> None:
    inputs, outputs = (
        [(port.any_name, port.element_type.get_type_name()) for port in ports]
        for ports in (network.inputs, network.outputs)
    )
    if inputs != [(_INPUT, "u8")] or outputs != [(_OUTPUT, "f32")]:
        raise another_kind(network_path, inputs, outputs)
