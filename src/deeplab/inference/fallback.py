"""An engine with another one behind it, for when the first fails."""

import logging
import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from deeplab.inference.engine import Engine

_log = logging.getLogger(__name__)


class WithFallback(Engine):
    """Scores pictures in one engine; from the first failure on that is no fault of theirs, another.

    Args:
        first: What is used.
        open_other: Opens what takes its place; called once, if at all.
    """

    def __init__(self, first: Engine, open_other: Callable[[], Engine]) -> None:
        self.card = first.card
        self.setup = first.setup
        self._first = self._engine = first
        self._open_other = open_other
        self._lock = threading.Lock()

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        engine = self._engine
        try:
            return engine.class_scores(pictures)
        except ValueError as error:
            if engine is not self._first:
                raise
            with self._lock:
                if self._engine is self._first:
                    self._try_other(pictures, error)
            return self._engine.class_scores(pictures)

    def _try_other(self, pictures: NDArray[np.uint8], error: ValueError) -> None:
        """Put the other engine in the place of the first, if it can score these pictures."""
        other = self._open_other()
        other.class_scores(pictures)
        _log.warning("%s fails, so %s takes its place: %s", self.setup, other.setup, error)
        self.setup, self._engine = other.setup, other
