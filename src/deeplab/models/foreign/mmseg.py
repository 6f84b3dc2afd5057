"""github.com/lhoyer/DAFormer: DeepLab v2 in mmseg's names, `DLV2Head` on a ResNet.

Read: `mmseg/models/decode_heads/{dlv2_head,aspp_head}.py`, `mmseg/models/backbones/resnet.py`,
`configs/_base_/models/deeplabv2{,red}_r50-d8.py` (strides 1, 2, 1, 1, rates 1, 1, 2, 4, the first
block of a stage at half its rate: `contract_dilation`). Files of its domain adaptation hold the
network (`model.`), its moving average and one that keeps ImageNet's features.
"""

import re

from deeplab.models.deeplab import ASPPConfig, ModelConfig
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import RESNET_RULES, below, depth_of, num_rows, rename

_RATES = {2: (6, 12), 4: (6, 12, 18, 24)}  # by the number of branches
_OTHER_NETWORKS = ("ema_model.", "imnet_model.")
_FIRST = "decode_head.aspp_modules.0.conv.weight"
_HEAD_RULE = (
    r"decode_head\.aspp_modules\.(\d+)\.conv\.(weight|bias)",
    r"head.branches.\1.\2",
)


def _recognises(tensors: Tensors) -> bool:
    of_v3 = any("decode_head.bottleneck." in name or ".image_pool." in name for name in tensors)
    return (_FIRST in tensors or f"model.{_FIRST}" in tensors) and not of_v3


def _convert(tensors: Tensors) -> Converted:
    prefix = "model." if f"model.{_FIRST}" in tensors else ""
    ignored = tuple(name for name in tensors if _is_left_out(name, prefix))
    kept = {name: value for name, value in tensors.items() if name not in ignored}
    backbone = below(kept, f"{prefix}backbone.")
    head = below(kept, prefix)
    head = {name: value for name, value in head.items() if not name.startswith("backbone.")}
    outside = {name: value for name, value in kept.items() if not name.startswith(prefix)}
    num_branches = sum(
        re.fullmatch(r".*aspp_modules\.\d+\.conv\.weight", n) is not None for n in head
    )
    if num_branches not in _RATES:
        raise ValueError(
            f"a DLV2Head of {num_branches} branches: known are the rates of two (6, 12) and of "
            "four (6, 12, 18, 24)"
        )
    config = ModelConfig(
        backbone=f"resnet{depth_of(backbone)}{_flavour(backbone)}",
        output_stride=8,
        head=ASPPConfig(rates=_RATES[num_branches]),
        num_classes=num_rows(head, _FIRST) or 19,
        init="random",
    )
    weights = rename(backbone, RESNET_RULES) | rename(head, [_HEAD_RULE]) | outside
    rates = ", ".join(map(str, _RATES[num_branches]))
    remarks = {"rates": f"{rates} as in the published configurations; the file does not say them"}
    return Converted(config, weights, ignored=ignored, remarks=remarks)


MMSEG_DLV2 = Layout(
    name="mmseg-dlv2",
    describes="lhoyer/DAFormer and other forks of mmseg: DLV2Head on ResNet or ResNetV1c",
    recognises=_recognises,
    convert=_convert,
)


def _flavour(backbone: Tensors) -> str:
    return "-v1c" if "stem.0.weight" in backbone else "-torchvision"


def _is_left_out(name: str, prefix: str) -> bool:
    return name.startswith((*_OTHER_NETWORKS, f"{prefix}auxiliary_head."))
