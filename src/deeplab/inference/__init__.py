"""Picture in, label map out: what users run, and what evaluation runs too."""

from deeplab.inference.crf_choice import DEFAULT_PRESET as DEFAULT_PRESET
from deeplab.inference.crf_choice import STORED as STORED
from deeplab.inference.crf_choice import find_crf as find_crf
from deeplab.inference.crf_choice import plain_parameters as plain_parameters
from deeplab.inference.crf_choice import read_crf as read_crf
from deeplab.inference.crf_choice import write_crf as write_crf
from deeplab.inference.engine import Engine as Engine
from deeplab.inference.files import Job as Job
from deeplab.inference.files import Outcome as Outcome
from deeplab.inference.files import find_jobs as find_jobs
from deeplab.inference.files import segment_files as segment_files
from deeplab.inference.grid import ScoreGrid as ScoreGrid
from deeplab.inference.onnxruntime_engine import OnnxRuntimeEngine as OnnxRuntimeEngine
from deeplab.inference.score_files import ScoreFolder as ScoreFolder
from deeplab.inference.score_files import describe_classes as describe_classes
from deeplab.inference.score_files import place_scores as place_scores
from deeplab.inference.score_files import read_scores as read_scores
from deeplab.inference.scored import ScoredPicture as ScoredPicture
from deeplab.inference.segmentation import ClassShare as ClassShare
from deeplab.inference.segmentation import Output as Output
from deeplab.inference.segmentation import Segmentation as Segmentation
from deeplab.inference.segmentation import check_outputs as check_outputs
from deeplab.inference.segmenter import Segmenter as Segmenter
from deeplab.inference.segmenter import label_picture as label_picture
