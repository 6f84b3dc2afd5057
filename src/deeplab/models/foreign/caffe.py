"""All layouts of `.caffemodel` files."""

from deeplab.models.foreign.caffe_resnet import CAFFE_RESNET
from deeplab.models.foreign.caffe_vgg import CAFFE_VGG16
from deeplab.models.foreign.layout import Layout

CAFFE_LAYOUTS: tuple[Layout, ...] = (CAFFE_RESNET, CAFFE_VGG16)
