"""Whether the C library gives memory back between the layers and steps of a training run."""

import ctypes
import logging
from collections.abc import Mapping

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_MMAP_MAX = -1, -3, -4  # malloc.h
_LARGE_BYTES = 2**20
_LARGEST_INT = 2**31 - 1
_log = logging.getLogger(__name__)


def keep_freed_memory() -> bool:
    """Make glibc hand freed memory out again instead of returning it to the kernel.

    By default every large tensor is mapped anew and its pages are cleared by the kernel at first
    touch; on a CPU that takes a quarter of a training step (benchmarks/training_step.py). Elsewhere
    than in glibc nothing happens.

    Returns:
        Whether it took effect.
    """
    return _set({_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: _LARGEST_INT})


def give_back_freed_memory() -> bool:
    """Make glibc return every large tensor's memory as soon as it is freed.

    By default it learns not to, and what lies freed between others adds a tenth to the most that a
    training takes. For runs that are to take little memory; they are slower.

    Returns:
        Whether it took effect.
    """
    return _set({_M_MMAP_THRESHOLD: _LARGE_BYTES})


def _set(options: Mapping[int, int]) -> bool:
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        _log.debug("this C library has no mallopt; memory is returned to the system as usual")
        return False
    return all(bool(mallopt(option, value)) for option, value in options.items())
