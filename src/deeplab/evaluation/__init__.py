"""Scores: one confusion matrix over a data set, and the measures read from it."""

from deeplab.evaluation.evaluate import evaluate as evaluate
from deeplab.evaluation.metrics import ConfusionMatrix as ConfusionMatrix
from deeplab.evaluation.metrics import Scores as Scores
