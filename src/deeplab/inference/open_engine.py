"""Which ways there are to run weights on this machine, and one of them, opened."""

import dataclasses
import importlib.util
import logging
from pathlib import Path
from types import ModuleType

from deeplab.inference.engine import Engine, EngineName, Setup, is_checkpoint
from deeplab.inference.integer_file import find_integer_file
from deeplab.inference.onnxruntime_engine import OnnxRuntimeEngine, onnxruntime_devices
from deeplab.weights import PUBLISHED, imported_file, resolve_network

_log = logging.getLogger(__name__)


def open_setup(
    weights: str | Path, setup: Setup, *, threads: int | None = None, workers: int = 1
) -> Engine:
    """Open weights in one way, and in no other.

    Args:
        weights: A published name, a network file, or for torch a checkpoint.
        setup: How to run them.
        threads: Processor threads for one picture; None: one for each core.
        workers: From how many threads pictures will come at once.

    Raises:
        ValueError: An engine that is not installed, or that cannot run these weights so.
    """
    if setup.precision == "int8":
        return _open_in_integers(weights, setup, threads, workers)
    if setup.engine == "torch":
        return _open_in_torch(weights, setup, threads)
    if is_checkpoint(weights):
        raise ValueError(
            f"{weights}: a checkpoint, which torch alone can run; make a network file of it with "
            f"`deeplab export`, or leave engine {setup.engine} out"
        )
    path = resolve_network(weights)
    if setup.engine == "openvino":
        from deeplab.inference.openvino_engine import OpenvinoEngine

        return OpenvinoEngine(path, precision=setup.precision, threads=threads, workers=workers)
    if setup.precision != "f32":
        raise ValueError(
            f"precision {setup.precision}: onnxruntime computes in f32, or in int8 where weights "
            "have a file for it; give another engine"
        )
    return OnnxRuntimeEngine(path, threads=threads, device=setup.device)


def default_setup(engine: EngineName) -> Setup:
    """Say how an engine runs that is asked for by name: in float32, on a GPU if it finds one.

    Raises:
        ValueError: It is not installed.
    """
    if engine == "onnxruntime":
        return Setup(engine, device="cuda" if "cuda" in onnxruntime_devices() else "cpu")
    if engine == "torch":
        return Setup(engine, device=_torch_engine().torch_devices()[0])
    return Setup(engine)


def find_setups(weights: str | Path, engine: EngineName) -> list[Setup]:
    """List the ways in which an engine can run weights here, those in float32 first.

    Args:
        weights: As `open_setup` takes them.
        engine: If it is not installed, or cannot run these weights, there is no way; nor if it is
            installed but broken, of which is warned.
    """
    if importlib.util.find_spec(engine) is None or not _can_run(engine, weights):
        return []
    try:
        setups = _setups_of(engine)
    except ValueError as error:
        _log.warning("%s", error)
        return []
    return setups + ([Setup(engine, "int8")] if _has_integers(engine, weights) else [])


def _setups_of(engine: EngineName) -> list[Setup]:
    if engine == "onnxruntime":
        return [Setup(engine, device=device) for device in onnxruntime_devices()]
    if engine == "openvino":
        from deeplab.inference.openvino_engine import openvino_precisions

        return [Setup(engine, precision) for precision in openvino_precisions()]
    plain = default_setup(engine)
    precisions = _torch_engine().torch_precisions()
    return [dataclasses.replace(plain, precision=precision) for precision in precisions]


def _has_integers(engine: EngineName, weights: str | Path) -> bool:
    try:
        return engine != "torch" and find_integer_file(weights) is not None
    except ValueError as error:
        _log.warning("%s", error)
        return False


def _can_run(engine: EngineName, weights: str | Path) -> bool:
    if engine != "torch":
        return not is_checkpoint(weights)
    name = str(weights)
    return (
        is_checkpoint(weights)
        or name in PUBLISHED
        or imported_file(name, ".safetensors") is not None
    )


def _open_in_integers(
    weights: str | Path, setup: Setup, threads: int | None, workers: int
) -> Engine:
    """Open the file beside a network file, which is written so that runtimes see the integers."""
    if setup.engine == "torch":
        raise ValueError("precision int8: of onnxruntime and openvino; give another engine")
    path = find_integer_file(weights)
    if path is None:
        raise ValueError(
            f"precision int8: {weights} has no file for it (NAME.int8.onnx beside NAME.onnx); make "
            "one of its checkpoint: `deeplab export CHECKPOINT NAME.int8.onnx --int8 --calibrate "
            "PHOTOS`"
        )
    engine = open_setup(path, Setup(setup.engine), threads=threads, workers=workers)
    engine.setup = Setup(setup.engine, "int8")  # on the processor, where integers are fast
    return engine


def _open_in_torch(weights: str | Path, setup: Setup, threads: int | None) -> Engine:
    if not _can_run("torch", weights):
        raise ValueError(
            f"{weights}: torch runs checkpoints (.safetensors) and published names, "
            "no network files; leave engine torch out"
        )
    engine: Engine = _torch_engine().TorchEngine.from_checkpoint(
        weights,
        precision=setup.precision,
        device=setup.device,
        threads=threads,
        compiled=setup.compiled,
    )
    return engine


def _torch_engine() -> ModuleType:
    try:
        from deeplab.inference import torch_engine
    except ModuleNotFoundError as error:
        raise ValueError(
            f"engine torch needs {error.name}, which is not installed: "
            "pip install 'deeplabkit[train]'"
        ) from None
    except (ImportError, OSError) as error:  # it is there, but not whole
        raise ValueError(f"engine torch cannot be imported: {error}") from error
    return torch_engine
