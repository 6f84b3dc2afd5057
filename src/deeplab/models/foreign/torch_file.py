"""State dicts that torch saved, read without running anything that is in them.

A file of torch is a pickle, which is a program. It is read with `weights_only`, which runs none of
it but the making of tensors, and what it declares is checked before anything is copied.
"""

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "weights")
_MAX_DEPTH = 3  # of state dicts in dicts in dicts
_PREFIXES = ("module.", "model.")  # of DataParallel, and of Lightning
_SAVE_ALONE = "save the state dict alone: torch.save(network.state_dict(), path)"


def read_torch_file(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a `.pth`, `.pt`, `.bin` or `.tar` file.

    A state dict within others (`{"state_dict": ...}`) is found, and the `module.` that DataParallel
    puts before every name is taken off.

    Args:
        path: Begins as a zip archive or as a pickle.

    Raises:
        ValueError: The file is damaged, wants code to be run (the message names it), declares more
            than it holds, or is no state dict of plain tensors.
    """
    is_zip = zipfile.is_zipfile(path)
    if is_zip:
        _check_archive(path)
    content = _load(path, is_zip=is_zip)
    state = _unwrapped(content)
    for name, value in state.items():
        _check(name, value)
    tensors = {str(name): value.detach() for name, value in state.items()}
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


def _check_archive(path: Path) -> None:
    """Make sure that a zip archive is torch's, and unpacks to no more than it holds."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise ValueError(f"a damaged zip archive: {error}; fetch it again") from None
    names = {member.filename.rpartition("/")[2] for member in members}
    if "data.pkl" not in names:
        raise ValueError("a zip archive, but not torch's: unpack it first")
    if "constants.pkl" in names:
        raise ValueError(f"a TorchScript program, not weights alone: {_SAVE_ALONE}")
    packed = sum(member.file_size for member in members if member.compress_type)
    if packed or sum(member.file_size for member in members) > path.stat().st_size:
        raise ValueError(
            "an archive that unpacks to more than it holds; torch itself never packs: "
            + _SAVE_ALONE
        )


def _load(path: Path, *, is_zip: bool) -> Any:  # what a pickle gives
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of kinds of tensors that are refused below
            return torch.load(path, map_location="cpu", weights_only=True, mmap=is_zip)
    except Exception as error:  # a damaged pickle makes torch raise anything
        raise ValueError(_explain(error)) from None


def _explain(error: Exception) -> str:
    wanted = re.search(r"GLOBAL (\S+)|Unsupported (?:global|class) (\S+)", str(error))
    if wanted is not None:
        return (
            f"a pickle that wants to run code ({wanted[1] or wanted[2]}), which we never do: where "
            f"you trust it, load it there and {_SAVE_ALONE}"
        )
    reason = " ".join(str(error).split())
    reason = re.sub(r".*?Please file an issue[^.]*\. ?|^Weights only load failed\. ?", "", reason)
    return f"damaged, or not torch's ({type(error).__name__}: {reason[:200]}); fetch it again"


def _unwrapped(content: Any) -> Mapping[Any, Any]:  # any: whatever was pickled
    for _ in range(_MAX_DEPTH):
        if not isinstance(content, Mapping):
            break
        inner = [key for key in _WRAPPERS if isinstance(content.get(key), Mapping)]
        if not inner:
            break
        content = content[inner[0]]
    if not isinstance(content, Mapping):
        raise ValueError(f"holds a {type(content).__name__}, not a state dict: {_SAVE_ALONE}")
    if not content:
        raise ValueError("holds no tensors")
    return content


def _check(name: object, value: object) -> None:
    if not isinstance(name, str) or not isinstance(value, Tensor):
        raise ValueError(
            f"holds a {type(value).__name__} under {name!r}; a state dict has tensors by name and "
            f"nothing else: {_SAVE_ALONE}"
        )
    kind = _kind_of(value)
    if kind is not None:
        raise ValueError(f"tensor {name!r} is {kind}; allowed are plain ones: save it as such")
    if value.numel() * value.element_size() > value.untyped_storage().nbytes():
        raise ValueError(
            f"tensor {name!r} of shape {tuple(value.shape)} has fewer values stored than it shows; "
            "save it with .contiguous()"
        )


def _kind_of(value: Tensor) -> str | None:
    if value.is_quantized:
        return "quantised"
    if value.is_nested:
        return "nested"
    if value.layout != torch.strided:
        return f"sparse ({value.layout})"
    return None if value.device.type == "cpu" else f"on the device {value.device}"
