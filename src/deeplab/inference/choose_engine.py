"""Which engine runs a network: the one that was asked for, or the one that is done first.

Nothing is guessed of speed. What trials on this machine have shown is remembered; where there were
none, many pictures are worth trials of their own, and for a few onnxruntime is taken as it is.
"""

import dataclasses
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, get_args

from deeplab.inference.engine import PLAIN, Engine, EngineName, Setup, is_checkpoint
from deeplab.inference.fallback import WithFallback
from deeplab.inference.integer_file import find_integer_file, integer_record
from deeplab.inference.network_file import read_card
from deeplab.inference.open_engine import default_setup, find_setups, open_setup
from deeplab.inference.remembered import recall, remember
from deeplab.inference.trials import Trial, run_trials
from deeplab.precisions import LEAST_SAME_LABELS, Precision, PrecisionRecord
from deeplab.processor import may_have_gpu
from deeplab.weights import resolve_checkpoint, resolve_network

EngineChoice = Literal["auto", "onnxruntime", "openvino", "torch"]
PrecisionChoice = Literal["auto", "f32", "bf16", "int8"]

_log = logging.getLogger(__name__)

_WORTH_TRIALS = 100
"""Pictures: trials take as long as some thirty."""

_LEAST_SAME_LABELS_F32 = 0.995
"""In float32, where sums in another order make 0.9999: an engine below this is broken here."""


def open_engine(
    weights: str | Path,
    *,
    engine: EngineChoice = "auto",
    precision: PrecisionChoice = "auto",
    threads: int | None = None,
    workers: int = 1,
    num_pictures: int | None = None,
) -> Engine:
    """Open weights in the engine that was asked for, or in the one that is done first.

    Args:
        weights: A published name, a network file, or a checkpoint, which torch runs.
        engine: "auto": the fastest that is installed, as far as is remembered of this machine.
            Where it fails, onnxruntime takes its place, with a warning.
        precision: "auto": what is fastest of float32 and of what was shown harmless, for this
            network (its card) and on this machine (the trials).
        threads: Processor threads for one picture; None: one for each core.
        workers: From how many threads pictures will come at once.
        num_pictures: How many there are to score: engines differ in how long they take to start,
            and for sizes that they have not met. None: nobody knows, and neither counts.

    Raises:
        ValueError: Weights that are not there or are damaged, an engine that is not installed, or
            that does not compute in this precision here.
    """
    _check_choices(engine, precision)
    if engine == "auto" and is_checkpoint(weights):
        engine = "torch"
    if engine != "auto" and precision != "auto":
        setup = dataclasses.replace(default_setup(engine), precision=precision)
        _log.info("engine: %s, as asked for", setup)
        return open_setup(weights, setup, threads=threads, workers=workers)
    path = weights_path(weights)
    trials = _trials(weights, path, engine, precision, threads, workers, num_pictures)
    plain = _plain(weights, engine, precision)
    best = _best(trials, plain, num_pictures)

    def open_as(setup: Setup) -> Engine:
        target = weights if setup.engine == "torch" else path  # whose hash was checked already
        return open_setup(target, setup, threads=threads, workers=workers)

    if best == plain or engine != "auto":
        return open_as(best)
    try:
        first = open_as(best)
    except ValueError as error:
        _log.warning("%s cannot be used, %s is: %s", best, plain, error)
        return open_as(plain)
    return WithFallback(first, lambda: open_as(plain))


def allowed_trials(
    trials: Iterable[Trial],
    records: Mapping[str, PrecisionRecord],
    *,
    precision: PrecisionChoice = "auto",
) -> list[Trial]:
    """Leave out what `auto` does not take: engines that are wrong here, and precisions that harm.

    Args:
        trials: What was seen on this machine.
        records: What is known of the network, see `NetworkCard.precisions`.
        precision: One that was asked for is taken though nothing is known of it.
    """
    return [trial for trial in trials if _is_allowed(trial, records, precision)]


def quickest(trials: Sequence[Trial], num_pictures: int | None) -> Trial:
    """Give the trial of the setup that has done so many pictures first; see `Trial.seconds`."""
    return min(trials, key=lambda trial: trial.seconds(num_pictures))


def weights_path(weights: str | Path) -> Path:
    """Find the file of weights, by which trials of them are remembered."""
    return resolve_checkpoint(weights) if is_checkpoint(weights) else resolve_network(weights)


def known_precisions(path: Path) -> Mapping[str, PrecisionRecord]:
    """Say what is known of computing the network of a file in fewer bits than float32's.

    Of integers of 8 bits the file beside it says so, see `find_integer_file`.
    """
    if is_checkpoint(path):
        return {}
    known = dict(read_card(path).precisions)
    try:
        integers = find_integer_file(path)
    except ValueError:  # of which `find_setups` warns, and which is never run
        integers = None
    record = None if integers is None else integer_record(integers)
    return known if record is None else {**known, "int8": record}


def _check_choices(engine: str, precision: str) -> None:
    for given, what, choices in (
        (engine, "engine", get_args(EngineChoice)),
        (precision, "precision", get_args(PrecisionChoice)),
    ):
        if given not in choices:
            raise ValueError(f"{what} {given!r}: give one of {', '.join(choices)}")


def _plain(weights: str | Path, engine: EngineChoice, precision: PrecisionChoice) -> Setup:
    """Say what is taken where nothing is known."""
    if engine != "auto":
        return default_setup(engine)
    if precision in ("auto", "f32"):
        return PLAIN
    if precision == "int8":
        return Setup("onnxruntime", "int8")
    for setup in _setups(weights, ("openvino", "torch")):
        if setup.precision == precision:
            return setup
    raise ValueError(
        f"precision {precision}: no engine that is installed has it on this processor; "
        "leave it out (`deeplab benchmark` lists what there is)"
    )


def _trials(
    weights: str | Path,
    path: Path,
    engine: EngineChoice,
    precision: PrecisionChoice,
    threads: int | None,
    workers: int,
    num_pictures: int | None,
) -> list[Trial]:
    """Recall the trials that matter here, or make them if there are pictures enough."""
    trials = recall(path, threads=threads, workers=workers)
    if trials is None and (num_pictures or 0) < _WORTH_TRIALS:
        return []
    records = known_precisions(path)
    if trials is None:
        engines: tuple[EngineName, ...] = _trial_engines()
        if engine != "auto" and engine not in engines:
            engines = (*engines, engine)
        setups = [
            setup
            for setup in _setups(weights, engines)
            if setup.precision in ("f32", precision) or _is_harmless(setup.precision, records)
        ]
        if sum(engine in ("auto", setup.engine) for setup in setups) > 1:
            _log.info("trying %s on this machine", ", ".join(map(str, setups)))
            trials = run_trials(weights, setups, threads=threads, workers=workers)
            remember(path, trials, threads=threads, workers=workers)
    return [
        trial
        for trial in allowed_trials(trials or [], records, precision=precision)
        if engine in ("auto", trial.setup.engine) and precision in ("auto", trial.setup.precision)
    ]


def _trial_engines() -> tuple[EngineName, ...]:
    # On processors torch has never been the fastest, and importing it takes seconds.
    others: tuple[EngineName, ...] = ("onnxruntime", "openvino")
    return (*others, "torch") if may_have_gpu() else others


def _setups(weights: str | Path, engines: Sequence[EngineName]) -> list[Setup]:
    return [setup for engine in engines for setup in find_setups(weights, engine)]


def _best(trials: Sequence[Trial], plain: Setup, num_pictures: int | None) -> Setup:
    """Choose, and say why."""
    if not trials:
        _log.info(
            "engine: %s; `deeplab benchmark` finds out what is fastest on this machine", plain
        )
        return plain
    best = quickest(trials, num_pictures)
    others = [trial for trial in trials if trial is not best]
    _log.info("engine: %s", "; ".join(map(_describe, [best, *others])))
    return best.setup


def _describe(trial: Trial) -> str:
    return f"{trial.setup} ({trial.picture_s:.3f} s a picture, starts in {trial.start_s:.2f} s)"


def _is_allowed(
    trial: Trial, records: Mapping[str, PrecisionRecord], asked: PrecisionChoice
) -> bool:
    precision = trial.setup.precision
    if precision == "f32":
        return trial.same_labels >= _LEAST_SAME_LABELS_F32
    if precision == asked:
        return True
    return trial.same_labels >= LEAST_SAME_LABELS and _is_harmless(precision, records)


def _is_harmless(precision: Precision, records: Mapping[str, PrecisionRecord]) -> bool:
    return precision in records and records[precision].is_harmless
