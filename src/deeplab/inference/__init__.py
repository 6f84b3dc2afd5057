"""Picture in, label map out: what users run, and what evaluation runs too."""

from deeplab.inference.engine import Engine as Engine
from deeplab.inference.files import Job as Job
from deeplab.inference.files import Outcome as Outcome
from deeplab.inference.files import find_jobs as find_jobs
from deeplab.inference.files import segment_files as segment_files
from deeplab.inference.onnxruntime_engine import OnnxRuntimeEngine as OnnxRuntimeEngine
from deeplab.inference.segmentation import ClassShare as ClassShare
from deeplab.inference.segmentation import Output as Output
from deeplab.inference.segmentation import Segmentation as Segmentation
from deeplab.inference.segmentation import check_outputs as check_outputs
from deeplab.inference.segmenter import Segmenter as Segmenter
