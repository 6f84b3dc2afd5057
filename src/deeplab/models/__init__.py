"""Networks: backbones made atrous, heads, and their checkpoints (needs the `train` extra)."""

from deeplab.models.atrous import make_atrous as make_atrous
from deeplab.models.checkpoint import Checkpoint as Checkpoint
from deeplab.models.checkpoint import initialise as initialise
from deeplab.models.checkpoint import load_checkpoint as load_checkpoint
from deeplab.models.checkpoint import save_checkpoint as save_checkpoint
from deeplab.models.deeplab import ASPPConfig as ASPPConfig
from deeplab.models.deeplab import DeepLab as DeepLab
from deeplab.models.deeplab import LargeFOVConfig as LargeFOVConfig
from deeplab.models.deeplab import LinearConfig as LinearConfig
from deeplab.models.deeplab import ModelConfig as ModelConfig
from deeplab.models.deeplab import build as build
from deeplab.models.heads import ASPP as ASPP
from deeplab.models.heads import DeepASPP as DeepASPP
from deeplab.models.heads import LargeFOV as LargeFOV
from deeplab.models.heads import Linear as Linear
from deeplab.models.heads import is_of_classes as is_of_classes
from deeplab.models.multi_scale import MultiScale as MultiScale
from deeplab.models.normed import fold_norms as fold_norms
from deeplab.models.normed import folded_once as folded_once
from deeplab.models.recompute import recompute_activations as recompute_activations
from deeplab.models.resnet import ResNet as ResNet
from deeplab.models.vgg import VGG16 as VGG16
from deeplab.preprocessing import Preprocessing as Preprocessing
