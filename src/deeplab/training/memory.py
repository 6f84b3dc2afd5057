"""Keep the C library from giving memory back between the steps of a training run."""

import ctypes
import logging

_M_TRIM_THRESHOLD, _M_MMAP_MAX = -1, -4  # malloc.h
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
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        _log.debug("this C library has no mallopt; memory is returned to the system as usual")
        return False
    return bool(mallopt(_M_MMAP_MAX, 0)) and bool(mallopt(_M_TRIM_THRESHOLD, _LARGEST_INT))
