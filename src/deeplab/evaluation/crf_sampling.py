"""Random and TPE searches for CRF parameters, through optuna (needs the `tune` extra)."""

from typing import Literal

import optuna

from deeplab.evaluation.crf_search import Objective, Ranges, Watch
from deeplab.evaluation.trials import Point, Trial, TrialLog


def draw_trials(
    objective: Objective,
    log: TrialLog,
    ranges: Ranges,
    method: Literal["random", "tpe"],
    num_trials: int,
    seed: int,
    watch: Watch,
) -> None:
    """Draw points and measure them until the log holds enough.

    Args:
        objective: What is made as large as possible.
        log: Keeps the trials; TPE learns from those that it holds.
        ranges: Their least and largest values bound the points.
        method: "random" draws evenly; "tpe" (tree-structured Parzen estimator) near good ones.
        num_trials: How many the log shall hold.
        seed: Of the drawing.
        watch: Called after each trial.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # A search that goes on shall not draw the points again that it began with.
    seed += 1000 * len(log.trials)
    sampler = (
        optuna.samplers.RandomSampler(seed=seed)
        if method == "random"
        else optuna.samplers.TPESampler(seed=seed)
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    bounds: dict[str, optuna.distributions.BaseDistribution] = {
        name: optuna.distributions.FloatDistribution(min(values), max(values))
        for name, values in (("weight", ranges.weight), ("xy", ranges.xy), ("rgb", ranges.rgb))
    }
    for known in log.trials:
        if _is_within(known.point, ranges):
            study.add_trial(
                optuna.trial.create_trial(
                    params=known.point._asdict(), distributions=bounds, value=known.mean_iou
                )
            )
    while len(log.trials) < num_trials:
        drawn = study.ask(bounds)
        # Four digits, as the log writes them: more have no meaning.
        point = Point(*(float(f"{drawn.params[name]:.4g}") for name in Point._fields))
        (value,) = objective.measure([point])
        study.tell(drawn, value)
        log.add([Trial(method, point, value)])
        watch(len(log.trials), num_trials, log.best())


def _is_within(point: Point, ranges: Ranges) -> bool:
    bounds = (ranges.weight, ranges.xy, ranges.rgb)
    return all(min(b) <= value <= max(b) for value, b in zip(point, bounds, strict=True))
