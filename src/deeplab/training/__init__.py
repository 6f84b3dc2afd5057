"""Training: the loop, the schedule, and what is kept of a run (needs the `train` extra)."""

from deeplab.training.config import TrainConfig as TrainConfig
from deeplab.training.loop import check_class_names as check_class_names
from deeplab.training.loop import check_classes as check_classes
from deeplab.training.loop import train as train
from deeplab.training.optim import freeze as freeze
from deeplab.training.optim import parameter_groups as parameter_groups
from deeplab.training.optim import prepare_batch_norm as prepare_batch_norm
from deeplab.training.report import Progress as Progress
from deeplab.training.report import Watch as Watch
from deeplab.training.run import Run as Run
