"""Scores: one confusion matrix over a data set, and the measures read from it; CRF search."""

from deeplab.evaluation.crf_search import Method as Method
from deeplab.evaluation.crf_search import Objective as Objective
from deeplab.evaluation.crf_search import Ranges as Ranges
from deeplab.evaluation.crf_search import Search as Search
from deeplab.evaluation.crf_search import Watch as Watch
from deeplab.evaluation.crf_search import search_crf as search_crf
from deeplab.evaluation.evaluate import Evaluation as Evaluation
from deeplab.evaluation.evaluate import evaluate as evaluate
from deeplab.evaluation.evaluate import evaluate_closely as evaluate_closely
from deeplab.evaluation.evaluate import spread as spread
from deeplab.evaluation.metrics import ConfusionMatrix as ConfusionMatrix
from deeplab.evaluation.metrics import Scores as Scores
from deeplab.evaluation.trials import Point as Point
from deeplab.evaluation.trials import Trial as Trial
from deeplab.evaluation.trials import TrialLog as TrialLog
from deeplab.evaluation.trimap import Trimap as Trimap
from deeplab.evaluation.trimap import TrimapCurve as TrimapCurve
from deeplab.evaluation.trimap import curves_to_csv as curves_to_csv
from deeplab.evaluation.trimap import distances_to_void as distances_to_void
