"""The compiled module behind the CRF: finding it, choosing its variant, lending it memory."""

import atexit
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NoReturn

if TYPE_CHECKING:
    from deeplab.crf import _kernel as _kernel

Normalization = Literal["after", "symmetric", "before", "none"]
Variant = Literal["avx512", "avx2", "neon", "baseline"]

MAX_KERNELS = 16
MAX_THREADS = 256

KEPT_BYTES = 1 << 30
"""Buffers are kept for the next call while all that are kept are no larger than this together."""

_kept: list[tuple[int, "_kernel.Workspace"]] = []  # and the thread that used it last
_kept_lock = threading.Lock()
atexit.register(_kept.clear)  # objects of a compiled module have to go before it does


class _Missing:
    """Stands for the compiled module where there is none: every use of it says what to do."""

    def __init__(self, reason: ImportError) -> None:
        self._reason = reason

    def __getattr__(self, name: str) -> NoReturn:
        raise ImportError(
            f"the compiled part of deeplab.crf is missing ({self._reason}). It is built when "
            "deeplab is installed: with a C++17 compiler at hand (Debian: apt install g++; macOS: "
            "xcode-select --install; Windows: Visual Studio Build Tools), run `pip install .` in "
            "the repository, with the Python that shall use it; or install a wheel"
        ) from self._reason


if not TYPE_CHECKING:
    try:
        import deeplab.crf._kernel as _kernel
    except ImportError as error:  # parameters, and files that name them, are of use without it
        _kernel = _Missing(error)


def choose_variant(wanted: str | None) -> str:
    """Choose the instruction set: the fastest that this processor runs, or the one wanted.

    Raises:
        ImportError: The compiled module is missing.
        ValueError: This processor does not run it.
    """
    runnable = _kernel.variants()
    if wanted is None:
        return runnable[0]
    if wanted not in runnable:
        raise ValueError(
            f"variant {wanted!r}: this processor runs {', '.join(runnable)}; leave variant out to "
            "get the fastest"
        )
    return wanted


@contextmanager
def borrowed_workspace() -> Iterator["_kernel.Workspace"]:
    """Lend buffers: those of an earlier call if there are, and keep them for later if not huge.

    A thread gets those back that it had last, if it can: they hold the lattice of its last picture.
    """
    thread = threading.get_ident()
    with _kept_lock:
        _kept.sort(key=lambda kept: kept[0] == thread)
        workspace = _kept.pop()[1] if _kept else None
    if workspace is None:
        workspace = _kernel.Workspace()
    try:
        yield workspace
    finally:
        with _kept_lock:
            if workspace.bytes + sum(other.bytes for _, other in _kept) <= KEPT_BYTES:
                _kept.append((thread, workspace))
