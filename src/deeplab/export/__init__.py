"""Network files: a trained network as a self-contained ONNX graph (needs `train` and `export`)."""

from deeplab.export.agreement import Agreement as Agreement
from deeplab.export.agreement import read_check_pictures as read_check_pictures
from deeplab.export.onnx import export_network as export_network
