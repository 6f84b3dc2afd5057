"""What learns in a run, how far it has come, and how both are kept to go on exactly there."""

import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import torch
from torch.optim.swa_utils import AveragedModel

from deeplab import whole_files
from deeplab.models import DeepLab


@dataclass(frozen=True)
class Learner:
    """What a run changes, step by step.

    Attributes:
        network: What takes the gradients.
        optimiser: Over the parameters of the network that learn.
        average: A running average of the network, if the recipe wants one.
    """

    network: DeepLab
    optimiser: torch.optim.Optimizer
    average: AveragedModel | None

    @property
    def learnt(self) -> DeepLab:
        """The network that is scored and kept: the running average if there is one."""
        return self.network if self.average is None else cast(DeepLab, self.average.module)


@dataclass
class RunState:
    """How far a run has come.

    Attributes:
        step: Optimiser steps taken.
        best_mean_iou: Best score on the validation pictures so far, 0..1; -1 before the first.
        losses: Losses of the steps that no row of `metrics.csv` tells of yet.
        class_weights: Of each class in the loss, as found when the run began; None: all alike.
    """

    step: int = 0
    best_mean_iou: float = -1.0
    losses: list[float] = field(default_factory=list)
    class_weights: tuple[float, ...] | None = None


def save_state(path: Path, state: RunState, learner: Learner) -> None:
    """Write everything; the file is replaced only when the new one is complete."""
    average = learner.average
    content = {
        "step": state.step,
        "best_mean_iou": state.best_mean_iou,
        "losses": state.losses,
        "class_weights": state.class_weights,
        "network": learner.network.state_dict(),
        "optimiser": learner.optimiser.state_dict(),
        "average": None if average is None else average.state_dict(),
    }
    whole_files.write_atomically(path, lambda file: torch.save(content, file))


def load_state(path: Path, learner: Learner) -> RunState:
    """Fill the learner, in place, where it is (`weights_only`: no pickled code runs).

    Raises:
        ValueError: The file is damaged or belongs to another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        learner.network.load_state_dict(content["network"])
        learner.optimiser.load_state_dict(content["optimiser"])
        if learner.average is not None:
            learner.average.load_state_dict(content["average"])
        weights = content.get("class_weights")  # runs of older versions have none
        return RunState(
            content["step"],
            content["best_mean_iou"],
            content["losses"],
            None if weights is None else tuple(weights),
        )
    except (
        EOFError,
        KeyError,
        RuntimeError,
        TypeError,
        ValueError,
        pickle.UnpicklingError,
    ) as error:
        raise ValueError(
            f"{path} is damaged or of another network: remove it to start from the beginning"
        ) from error
