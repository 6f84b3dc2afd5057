"""AdaptSegNet's VGG-16: `features` with fc6 and fc7 at its end, `classifier.conv2d_list`.

Read: wasidennis/AdaptSegNet (`model/deeplab_vgg.py`). Unlike in its ResNet, all four branches of
the classifier are added.
"""

from deeplab.models.deeplab import ASPPConfig, ModelConfig
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import num_rows, rename

_FC6 = "features.29.weight"
_FIRST_BRANCH = "classifier.conv2d_list.0.weight"
_RULES = (
    (r"features\.(\d+)\.(weight|bias)", r"backbone.layers.\1.\2"),
    (r"classifier\.conv2d_list\.([0-3])\.(weight|bias)", r"head.branches.\1.\2"),
)


def _recognises(tensors: Tensors) -> bool:
    return _FC6 in tensors and _FIRST_BRANCH in tensors


def _convert(tensors: Tensors) -> Converted:
    config = ModelConfig(
        backbone="vgg16-adaptsegnet",
        output_stride=8,
        head=ASPPConfig(),
        num_classes=num_rows(tensors, _FIRST_BRANCH) or 21,
        init="random",
    )
    return Converted(config, rename(tensors, _RULES))


ADAPTSEGNET_VGG = Layout(
    name="adaptsegnet-vgg",
    describes="wasidennis/AdaptSegNet: VGG-16 without its last two pools",
    recognises=_recognises,
    convert=_convert,
)
