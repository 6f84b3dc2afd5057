"""A trained network as a file that needs nothing beside it (needs `train` and `export`)."""

from deeplab.export.agreement import Agreement as Agreement
from deeplab.export.agreement import read_check_pictures as read_check_pictures
from deeplab.export.int8 import Quantising as Quantising
from deeplab.export.int8 import export_int8 as export_int8
from deeplab.export.loss import Loss as Loss
from deeplab.export.loss import Probe as Probe
from deeplab.export.onnx import export_network as export_network
from deeplab.export.torch_program import export_program as export_program
