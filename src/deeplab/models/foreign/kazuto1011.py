"""github.com/kazuto1011/deeplab-pytorch: the authors' ResNets in torch, and what he trained anew.

Read at 4219467f: `libs/models/{resnet,deeplabv1,deeplabv2,msc}.py`. His blocks are MSRA's (stride
in the first 1x1, `ceil_mode` pool); stage res2 is called `layer2`, its first block `block1`.
"""

from torch import Tensor

from deeplab.models.deeplab import ASPPConfig, HeadConfig, LinearConfig, ModelConfig
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import below, depth_of, num_rows, rename

_FILTERS = {"reduce": "conv1", "conv3x3": "conv2", "increase": "conv3", "shortcut": "downsample"}
_FIRST = "layer1.conv1.conv.weight"
_STAGE = r"layer4\.block(\d+)\."

_RULES = (
    (r"layer1\.conv1\.conv\.weight", r"backbone.stem.weight"),
    (r"layer1\.conv1\.bn\.(\w+)", r"backbone.stem.norm.\1"),
    (r"aspp\.c(\d+)\.(weight|bias)", r"head.branches.\1.\2"),
    (r"fc\.(weight|bias)", r"head.classifier.\1"),
)


def _recognises_msc(tensors: Tensors) -> bool:
    return f"base.{_FIRST}" in tensors


def _recognises_single(tensors: Tensors) -> bool:
    return _FIRST in tensors


def _convert_msc(tensors: Tensors) -> Converted:
    outside = {name: value for name, value in tensors.items() if not name.startswith("base.")}
    weights, config = _network(below(tensors, "base."))
    config = config.model_copy(update={"scales": (1.0, 0.75, 0.5), "resizing": "half_pixel"})
    return Converted(config, weights | outside, remarks=_remarks(config))


def _convert_single(tensors: Tensors) -> Converted:
    weights, config = _network(tensors)
    return Converted(config, weights, remarks=_remarks(config))


KAZUTO1011_MSC = Layout(
    name="kazuto1011-msc",
    describes="kazuto1011/deeplab-pytorch: ResNet DeepLab v2 at three scales",
    recognises=_recognises_msc,
    convert=_convert_msc,
)

KAZUTO1011 = Layout(
    name="kazuto1011",
    describes="kazuto1011/deeplab-pytorch: one scale; `fc` for COCO or ImageNet, or `aspp`",
    recognises=_recognises_single,
    convert=_convert_single,
)


def _network(tensors: Tensors) -> tuple[dict[str, Tensor], ModelConfig]:
    weights = rename(tensors, _RULES)
    for name in list(weights):
        new_name = _block_name(name)
        if new_name is not None:
            weights[new_name] = weights.pop(name)
    classifier = weights.get("head.classifier.weight")
    if classifier is not None and classifier.ndim == 2:  # his ImageNet network averages first
        weights["head.classifier.weight"] = classifier[:, :, None, None]
    num_classes = num_rows(tensors, "aspp.c0.weight") or num_rows(tensors, "fc.weight") or 21
    config = ModelConfig(
        backbone=f"resnet{depth_of(tensors, _STAGE)}",
        output_stride=8,
        head=_head(tensors),
        num_classes=num_classes,
        init="random",
    )
    return weights, config


def _block_name(name: str) -> str | None:
    """Rename a tensor of a block; None: it is of none, or of one that ResNets do not have."""
    stage, _, rest = name.partition(".block")
    number, _, rest = rest.partition(".")
    layer, _, kind = rest.partition(".")
    if stage not in ("layer2", "layer3", "layer4", "layer5") or not number.isdecimal():
        return None
    if layer not in _FILTERS or not kind.startswith(("conv.", "bn.")):
        return None
    place = f"backbone.layer{int(stage[-1]) - 1}.{int(number) - 1}.{_FILTERS[layer]}"
    return f"{place}.{kind.replace('conv.', '').replace('bn.', 'norm.')}"


def _head(tensors: Tensors) -> HeadConfig:
    num_branches = sum(f"aspp.c{place}.weight" in tensors for place in range(len(tensors)))
    if num_branches in (0, 4):
        return ASPPConfig(rates=(6, 12, 18, 24)) if num_branches else LinearConfig()
    raise ValueError(
        f"an ASPP of {num_branches} branches: known are the rates of four (6, 12, 18, 24)"
    )


def _remarks(config: ModelConfig) -> dict[str, str]:
    if isinstance(config.head, LinearConfig):
        return {}
    return {"rates": "6, 12, 18, 24 as in his published networks; the file does not say them"}
