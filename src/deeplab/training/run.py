"""A run: what is to be trained, and where it is kept."""

from dataclasses import dataclass
from pathlib import Path

from deeplab.data.stream import DataConfig
from deeplab.models import ModelConfig
from deeplab.training.config import TrainConfig


@dataclass(frozen=True)
class Run:
    """What is to be trained, and where it is kept.

    Attributes:
        name: Of the recipe.
        model: Which network.
        data: What it learns from.
        train: How it learns.
        recipe_yaml: The full recipe, kept beside the weights.
        run_dir: Folder of checkpoints, metrics and pictures; a run found there is continued.
    """

    name: str
    model: ModelConfig
    data: DataConfig
    train: TrainConfig
    recipe_yaml: str
    run_dir: Path
