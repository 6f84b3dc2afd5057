"""How fast, and how alike, the ways to run a network are on this machine.

They take turns, so that whatever else the machine does hits all of them alike.

Shapes: pictures of H rows and W columns, K classes, (h, w) the score grid.
"""

import logging
import math
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.inference.engine import Engine, Setup
from deeplab.inference.open_engine import open_setup
from deeplab.network_card import NetworkCard
from deeplab.processor import in_order

_log = logging.getLogger(__name__)

_SLOW_SIZE_S = 5.0
"""Seconds for a new size: TensorRT and `torch.compile` take minutes, and one says it."""

_PHOTO_DIR = Path(__file__).parents[1] / "export" / "pictures"


@dataclass(frozen=True)
class Trial:
    """What was seen of one way to run a network.

    Attributes:
        setup: The way.
        start_s: Seconds to import the engine and to load the network, which was compiled before.
        picture_s: Seconds for one picture, once it runs: the median of the rounds.
        size_s: Seconds that the first pictures of a size take longer: some engines make their
            kernels anew for each, and every worker its own.
        same_labels: Positions of the score grid, 0..1, that have the label of onnxruntime in
            float32, on the photos that come with deeplab.
    """

    setup: Setup
    start_s: float
    picture_s: float
    size_s: float
    same_labels: float

    def seconds(self, num_pictures: int | None) -> float:
        """Say how long so many pictures take; None: one of so many that nothing else matters."""
        if num_pictures is None:
            return self.picture_s
        return (
            self.start_s
            + num_pictures * self.picture_s
            + _probable_sizes(num_pictures) * self.size_s
        )


def run_trials(
    weights: str | Path,
    setups: Iterable[Setup],
    *,
    threads: int | None = None,
    workers: int = 1,
    rounds: int = 3,
) -> list[Trial]:
    """Try ways to run a network on the photos that come with deeplab.

    Args:
        weights: See `open_setup`.
        setups: The ways; what the first one says is right. One that fails is left out, with a
            warning.
        threads: See `open_setup`.
        workers: See `open_setup`.
        rounds: How often each is timed.
    """
    starts, engines = open_all(weights, setups, threads=threads, workers=workers)
    if not engines:
        return []
    photos = packaged_photos(next(iter(engines.values())).card)
    seconds = time_in_turns(engines, photos[:1] * workers, rounds=rounds, workers=workers)
    engines = {setup: engines[setup] for setup in seconds}
    sizes = time_new_sizes(engines, photos[0], workers=workers)
    labels = {setup: label_photos(engines[setup], photos) for setup in seconds}
    right = next(iter(labels.values()))
    return [
        Trial(
            setup,
            starts[setup],
            float(np.median(times)),
            sizes[setup],
            float((labels[setup] == right).mean()),
        )
        for setup, times in seconds.items()
    ]


def open_all(
    weights: str | Path, setups: Iterable[Setup], *, threads: int | None = None, workers: int = 1
) -> tuple[dict[Setup, float], dict[Setup, Engine]]:
    """Open weights in several ways; one that fails is left out, with a warning.

    Returns:
        For each the seconds that a new process needs for it, and the engines.
    """
    starts: dict[Setup, float] = {}
    engines: dict[Setup, Engine] = {}
    for setup in setups:
        try:
            open_setup(weights, setup, threads=threads, workers=workers)  # compiles, and keeps that
            start = time.perf_counter()
            engines[setup] = open_setup(weights, setup, threads=threads, workers=workers)
            starts[setup] = time.perf_counter() - start + _import_seconds(setup)
        except ValueError as error:
            _log.warning("%s is left out: %s", setup, error)
    return starts, engines


def time_in_turns(
    engines: Mapping[Setup, Engine],
    pictures: Sequence[NDArray[np.uint8]],
    *,
    rounds: int,
    workers: int = 1,
) -> dict[Setup, list[float]]:
    """Let engines score the same pictures, one engine after the other, round after round.

    In its turn an engine scores them twice, and the second time counts: threads of the one before
    it may still be turning on the cores, waiting for work, and its own be asleep.

    Args:
        engines: What to time; one that fails is left out, with a warning.
        pictures: (H, W, bands) each.
        rounds: How many turns each gets.
        workers: From how many threads the pictures come.

    Returns:
        For each engine the seconds for one picture in each round.
    """
    seconds: dict[Setup, list[float]] = {setup: [] for setup in engines}
    for _ in range(rounds):
        for setup in list(seconds):
            try:
                _seconds(engines[setup], pictures, workers)
                took = _seconds(engines[setup], pictures, workers)
            except ValueError as error:
                _log.warning("%s is left out: %s", setup, error)
                del seconds[setup]
                continue
            seconds[setup].append(took / len(pictures))
    return seconds


def time_new_sizes(
    engines: Mapping[Setup, Engine], picture: NDArray[np.uint8], *, workers: int = 1
) -> dict[Setup, float]:
    """Time how much longer engines take for pictures of a size that they have not met before.

    Args:
        engines: What to time.
        picture: (H, W, bands); it is scored with 32 rows more, and with 32 columns.
        workers: From how many threads pictures come: each of them meets the size.

    Returns:
        For each engine the seconds, 0 or more: the mean of both sizes.
    """
    # What is added: so much that every layer's features become larger.
    sizes = (((0, 32), (0, 0), (0, 0)), ((0, 0), (0, 32), (0, 0)))
    seconds: dict[Setup, float] = {}
    for setup, engine in engines.items():
        longer: list[float] = []
        _seconds(engine, [picture] * workers, workers)  # wakes its threads
        for added in sizes:
            larger = [np.pad(picture, added, mode="edge")] * workers
            longer.append(_seconds(engine, larger, workers) - _seconds(engine, larger, workers))
            if longer[-1] > _SLOW_SIZE_S:
                break
        seconds[setup] = max(0.0, float(np.mean(longer)))
    return seconds


def _probable_sizes(num_pictures: int) -> float:
    """Guess how many sizes pictures have: those of PASCAL VOC 96 in 368 and 423 in 2635.

    A few less, as sizes that differ by a few pixels are one to the layers behind.
    """
    return min(num_pictures, 4 * math.sqrt(num_pictures))


def _seconds(engine: Engine, pictures: Sequence[NDArray[np.uint8]], workers: int) -> float:
    """Score pictures, and say how long it took."""
    start = time.perf_counter()
    for _ in in_order(lambda one: engine.class_scores(one[None]), pictures, workers=workers):
        pass
    return time.perf_counter() - start


def packaged_photos(card: NetworkCard) -> list[NDArray[np.uint8]]:
    """Read the photos that come with deeplab, as large as a network takes them."""
    photos = []
    for name in ("astronaut.jpg", "cat.jpg"):
        photo = imaging.read_picture(_PHOTO_DIR / name)
        if card.longest_side is not None:
            photo = imaging.shrink_picture(photo, card.longest_side)
        photos.append(photo[..., [band % 3 for band in range(card.num_bands)]])
    return photos


def label_photos(engine: Engine, photos: Sequence[NDArray[np.uint8]]) -> NDArray[np.intp]:
    """Label every position of the score grids of photos, one behind the other."""
    return np.concatenate(
        [engine.class_scores(photo[None])[0].argmax(axis=0).ravel() for photo in photos]
    )


def _import_seconds(setup: Setup) -> float:
    """Say how long a new process takes to import an engine, numpy being there already."""
    import subprocess  # slow to import, and needed for trials alone

    module = "deeplab.inference.torch_engine" if setup.engine == "torch" else setup.engine
    code = (
        "import time, numpy\n"
        "start = time.perf_counter()\n"
        f"import {module}\n"
        "print(time.perf_counter() - start)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return float(done.stdout.split()[-1]) if done.returncode == 0 else 0.0
