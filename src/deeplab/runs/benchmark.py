"""Time the ways to run a network on this machine, and say which one `auto` takes.

They take turns, so that whatever else the machine does hits all of them alike: within a run ratios
can be trusted, seconds only on an idle machine.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from deeplab import imaging
from deeplab.inference import (
    EngineName,
    Setup,
    Trial,
    allowed_trials,
    find_setups,
    known_precisions,
    label_photos,
    open_all,
    packaged_photos,
    quickest,
    remember,
    time_in_turns,
    time_new_sizes,
    weights_path,
)
from deeplab.precisions import Precision
from deeplab.processor import num_cores, processor_name

ENGINES: tuple[EngineName, ...] = ("onnxruntime", "openvino", "torch")
PRECISIONS: tuple[Precision, ...] = ("f32", "bf16", "int8")

EMULATED = Setup("torch", "bf16")
"""What tells, on processors without bfloat16, what it would change; never worth timing there."""

Size = tuple[int, int]
"""Height and width of the picture that a network scores, in pixels."""

Load = tuple[int | None, int]
"""Processor threads for a picture (None: one for each core), and how many pictures at once."""


@dataclass(frozen=True)
class Timing:
    """One way to run a network, with pictures of one size.

    Attributes:
        setup: The way.
        load: Threads for a picture, and pictures at once.
        size: Of the pictures.
        seconds: For one picture, in each round: of several at once, their share.
        ratio: How many times as fast as the first way: the median over rounds.
        start_s: Seconds to import the engine and load the network, see `Trial`.
        size_s: Seconds that the first pictures of a size take longer, see `Trial`.
        same_labels: Share of labels that are those of the first way, see `Trial`.
    """

    setup: Setup
    load: Load
    size: Size
    seconds: tuple[float, ...]
    ratio: float
    start_s: float
    size_s: float
    same_labels: float

    @property
    def median_s(self) -> float:
        """The median over the rounds, in seconds."""
        return median(self.seconds)


@dataclass(frozen=True)
class Benchmark:
    """What was timed, and what follows from it.

    Attributes:
        timings: By load, size and setup, in this order.
        choices: What `auto` takes under each load: for one picture in a new process, and for many.
            Empty if no engine gave the right labels.
    """

    timings: tuple[Timing, ...]
    choices: Mapping[Load, tuple[Trial, Trial]]


def benchmark(
    weights: str | Path,
    *,
    engines: Sequence[EngineName] = ENGINES,
    precisions: Sequence[Precision] = PRECISIONS,
    sizes: Sequence[Size] = ((375, 500),),
    loads: Sequence[Load] = ((None, 1),),
    rounds: int = 5,
    compiled: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Benchmark:
    """Time all ways to run a network here; what `auto` shall take is remembered if all were tried.

    Args:
        weights: A published name, a network file or a checkpoint.
        engines: Which to try; those that are not installed are left out.
        precisions: Which to try; those that processor or weights lack are left out.
        sizes: Of the pictures that the network scores; `auto` goes by the first.
        loads: Threads and pictures at once to try; see `usual_loads`.
        rounds: How often each is timed.
        compiled: Try torch with `torch.compile` too.
        progress: Called with the sizes done and the sizes in all, over all loads.

    Raises:
        ValueError: Unknown weights, no engine that is installed can run them, or settings that are
            out of range.
    """
    _check(sizes, rounds)
    setups = _setups(weights, engines, precisions, compiled=compiled)
    timings: list[Timing] = []
    choices: dict[Load, tuple[Trial, Trial]] = {}
    total, done = len(loads) * len(sizes), itertools.count(1)
    for load in loads:
        found, trials = _under_load(
            weights,
            setups,
            sizes,
            load,
            rounds,
            lambda: progress(next(done), total),
        )
        timings += found
        path = weights_path(weights)
        if (set(engines), set(precisions)) == (set(ENGINES), set(PRECISIONS)):
            remember(path, trials, threads=load[0], workers=load[1])
        allowed = allowed_trials(trials, known_precisions(path))
        if allowed:
            choices[load] = (quickest(allowed, 1), quickest(allowed, None))
    return Benchmark(tuple(timings), choices)


def usual_loads() -> list[Load]:
    """Say how networks are run here: one picture on all cores, and as many at once as cores."""
    return [(None, 1), (1, num_cores())] if num_cores() > 1 else [(None, 1)]


def describe_load(load: Load) -> str:
    """Name a load, such as "1 thread, 2 pictures at once"."""
    threads, workers = load
    cores = "all cores" if threads is None else f"{threads} thread{'s' if threads > 1 else ''}"
    return cores if workers == 1 else f"{cores}, {workers} pictures at once"


def describe_machine() -> str:
    """Name the processor and its cores."""
    return f"{processor_name()}, {num_cores()} core(s)"


def _check(sizes: Sequence[Size], rounds: int) -> None:
    for height, width in sizes:
        if min(height, width) < 1:
            raise ValueError(f"size {width}x{height}: give WIDTHxHEIGHT of 1 pixel or more")
    if rounds < 1:
        raise ValueError(f"rounds {rounds}: give 1 or more")


def _setups(
    weights: str | Path,
    engines: Sequence[EngineName],
    precisions: Sequence[Precision],
    *,
    compiled: bool,
) -> list[Setup]:
    """List what can be tried, what is compared with first."""
    found = [setup for engine in engines for setup in find_setups(weights, engine)]
    found = [setup for setup in found if setup.precision in precisions]
    if compiled:
        found += [
            Setup(setup.engine, setup.precision, setup.device, compiled=True)
            for setup in found
            if setup.engine == "torch"
        ]
    if not found:
        raise ValueError(
            f"{weights}: none of the engines {', '.join(engines)} is here and can run it in "
            f"{', '.join(precisions)}"
        )
    return found


def _under_load(
    weights: str | Path,
    setups: Sequence[Setup],
    sizes: Sequence[Size],
    load: Load,
    rounds: int,
    progress: Callable[[], None],
) -> tuple[list[Timing], list[Trial]]:
    threads, workers = load
    starts, engines = open_all(weights, setups, threads=threads, workers=workers)
    if not engines:
        raise ValueError(f"{weights}: no engine could load it")
    photos = packaged_photos(next(iter(engines.values())).card)
    labels = {setup: label_photos(engine, photos) for setup, engine in engines.items()}
    right = next(iter(labels.values()))
    same = {setup: float((one == right).mean()) for setup, one in labels.items()}
    timings = []
    for size in sizes:
        picture = imaging.resize_picture(photos[0], *size)
        seconds = time_in_turns(engines, [picture] * workers, rounds=rounds, workers=workers)
        running = {setup: engines[setup] for setup in seconds}
        longer = time_new_sizes(running, picture, workers=workers)
        first = next(iter(seconds.values()))
        timings += [
            Timing(
                setup,
                load,
                size,
                tuple(own),
                float(np.median(np.divide(first, own))),
                starts[setup],
                longer[setup],
                same[setup],
            )
            for setup, own in seconds.items()
        ]
        progress()
    trials = [
        Trial(one.setup, one.start_s, one.median_s, one.size_s, one.same_labels)
        for one in timings
        if one.size == sizes[0]
    ]
    return timings, trials
