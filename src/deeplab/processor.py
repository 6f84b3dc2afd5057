"""What this process may use of the processor, and work that uses it.

numpy, onnxruntime, Pillow and the CRF let other threads run meanwhile.
"""

import os
import platform
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar, cast

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_END = object()


def num_cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def processor_name() -> str:
    """Name the processor, such as "AMD EPYC 7763", as far as the system tells."""
    try:
        with Path("/proc/cpuinfo").open() as file:
            start = file.read(4096)  # the first core's entry: all of them would take a while
    except OSError:
        return platform.processor() or platform.machine()
    for line in start.splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def may_have_gpu() -> bool:
    """Say whether there seems to be a GPU that networks run on; what uses it decides."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidiactl").exists()


def in_order(
    function: Callable[[_Item], _Result], items: Iterable[_Item], *, workers: int
) -> Generator[_Result, None, None]:
    """Apply a function to all items, several at once, and give the results in order.

    Only a few results wait at a time, however many items there are.

    Args:
        function: What to apply; may run in another thread.
        items: One after the other.
        workers: How many at once; 1 stays in this thread.
    """
    if workers == 1:
        yield from map(function, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                # Those beyond the first keep all workers busy while a slow one is waited for.
                if len(waiting) > 2 * workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after an error nobody wants the rest
            for future in waiting:
                future.cancel()


def ahead(items: Iterable[_Item], *, most: int = 2) -> Generator[_Item, None, None]:
    """Make items in another thread, a few before they are wanted.

    Args:
        items: One after the other.
        most: How many wait at a time.
    """
    iterator = iter(items)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, _END) for _ in range(most))
        try:
            while (item := waiting.popleft().result()) is not _END:
                waiting.append(pool.submit(next, iterator, _END))
                yield cast(_Item, item)
        finally:
            for future in waiting:
                future.cancel()
