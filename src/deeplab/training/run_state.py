"""What a run needs to go on exactly where it stopped."""

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel

from deeplab import imaging


@dataclass
class RunState:
    """How far a run has come.

    Attributes:
        step: Optimiser steps taken.
        best_mean_iou: Best score on the validation pictures so far, 0..1.
    """

    step: int = 0
    best_mean_iou: float = -1.0


def save_state(
    path: Path,
    state: RunState,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: AveragedModel | None,
) -> None:
    """Write everything; the file is replaced only when the new one is complete."""
    content = {
        "step": state.step,
        "best_mean_iou": state.best_mean_iou,
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "average": None if average is None else average.state_dict(),
    }
    imaging.write_atomically(path, lambda file: torch.save(content, file))


def load_state(
    path: Path,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: AveragedModel | None,
) -> RunState:
    """Fill network, optimiser and average, in place (`weights_only`: no pickled code runs).

    Raises:
        ValueError: The file is damaged or belongs to another network.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        network.load_state_dict(content["network"])
        optimiser.load_state_dict(content["optimiser"])
        if average is not None:
            average.load_state_dict(content["average"])
    except (RuntimeError, KeyError, ValueError) as error:
        raise ValueError(f"{path} cannot be continued: {error}") from None
    return RunState(step=content["step"], best_mean_iou=content["best_mean_iou"])
