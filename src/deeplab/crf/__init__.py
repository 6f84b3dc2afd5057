"""The fully connected CRF: refines class scores along the edges of a picture."""

from deeplab.crf.dense_crf import DenseCRF as DenseCRF
from deeplab.crf.parameters import PRESETS as PRESETS
from deeplab.crf.parameters import Bilateral as Bilateral
from deeplab.crf.parameters import Spatial as Spatial
