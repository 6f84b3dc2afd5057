"""Which kind of file holds these weights, and what is in it."""

from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import Tensor

from deeplab.models.foreign.caffemodel import read_caffemodel
from deeplab.models.foreign.other_files import what_else
from deeplab.models.foreign.torch_file import read_torch_file

_PICKLE, _ZIP, _CAFFE_NAME = b"\x80", b"PK\x03\x04", b"\n"


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors of a checkpoint of any kind, told by its first bytes.

    Args:
        path: A file of safetensors, torch or Caffe.

    Returns:
        Tensors by name, and the text in the header of a safetensors file (of others: none).

    Raises:
        ValueError: It is none of these, or is damaged; the message begins with the path.
    """
    with path.open("rb") as file:
        start = file.read(512)
    if not start:
        raise ValueError(f"{path} is empty (0 bytes): fetch it again")
    other = what_else(start)
    if other is not None:
        raise ValueError(f"{path} {other}")
    if path.suffix == ".onnx":
        raise ValueError(f"{path} is a network file, which is used as it is: give a checkpoint")
    if _is_safetensors(start, path.stat().st_size):
        return _read_safetensors(path)
    if path.suffix == ".caffemodel" or start.startswith(_CAFFE_NAME):
        return read_caffemodel(path), {}
    if start.startswith((_PICKLE, _ZIP)):
        try:
            return read_torch_file(path), {}
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None
    return _read_safetensors(path)


def _is_safetensors(start: bytes, size: int) -> bool:
    """Tell by the length of the header, whose first byte may be that of any other kind of file."""
    return start[8:9] == b"{" and 8 + int.from_bytes(start[:8], "little") <= size


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is no file of weights that we know (.safetensors; torch's .pth, .pt, .bin; "
            f".caffemodel), or is damaged: {error}"
        ) from None
