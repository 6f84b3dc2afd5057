"""Ctrl-C in a long command: the first finishes what is in hand, the second stops at once."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
"""What shells expect of a command that was ended by Ctrl-C: 128 + SIGINT."""


@contextmanager
def finish_first(
    clean_up: Callable[[], object], message: str = "finishing the pictures in hand"
) -> Iterator[Callable[[], bool]]:
    """Let the first Ctrl-C only ask for an end, and the second one end the process.

    Args:
        clean_up: What is to be done before the process ends at once.
        message: What is said at the first one.

    Yields:
        Says whether the end was asked for.
    """
    is_asked_for = False

    def handle(signal_number: int, frame: FrameType | None) -> None:
        nonlocal is_asked_for
        if is_asked_for:
            clean_up()
            sys.stdout.flush()
            os._exit(EXIT_CODE)  # threads in the middle of a picture are not waited for
        is_asked_for = True
        # Not `print`: it cannot be interrupted by itself.
        os.write(2, f"\n{message}; Ctrl-C again stops at once\n".encode())

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script
        yield lambda: False
        return
    before = signal.signal(signal.SIGINT, handle)
    try:
        yield lambda: is_asked_for
    finally:
        signal.signal(signal.SIGINT, before)
