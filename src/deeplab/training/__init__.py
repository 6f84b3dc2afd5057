"""Training: the loop, the schedule, and what is kept of a run (needs the `train` extra)."""

from deeplab.training.config import TrainConfig as TrainConfig
from deeplab.training.loop import Run as Run
from deeplab.training.loop import train as train
