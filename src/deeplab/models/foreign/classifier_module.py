"""ResNets whose ASPP is `layer5.conv2d_list`: speedinghzl, AdaptSegNet, ADVENT and their kin.

Read: speedinghzl/Pytorch-Deeplab at 14f2b81c (`deeplab/model.py`), wasidennis/AdaptSegNet
(`model/deeplab.py`, `model/deeplab_multi.py`). Blocks are MSRA's (stride in the first 1x1,
`ceil_mode` pool) under torchvision's names.

Beware: `return` stands inside AdaptSegNet's loop over the branches, so that it adds only the first
two, at rates 6 and 12. The other two are in its files but never learn: they are still the noise of
standard deviation 0.01 that they began as. That is how its files are told from speedinghzl's, whose
names are the same; each is run as it was at home.
"""

from torch import Tensor

from deeplab.models.deeplab import ASPPConfig, ModelConfig
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import RESNET_RULES, depth_of, num_rows, rename
from deeplab.models.resnet import RESNET_FEATURES

_START_STD, _NOISE = 0.01, 0.01  # of the branches' weights before training; share it may be off


def four_branches(tensors: Tensors) -> Converted:
    """Convert a network whose four branches are all added."""
    return _convert(tensors, rates=(6, 12, 18, 24))


def two_branches(tensors: Tensors) -> Converted:
    """Convert a network that adds the first two of its branches."""
    return _convert(tensors, rates=(6, 12))


def _recognises_speedinghzl(tensors: Tensors) -> bool:
    return _has_layout(tensors) and not _has_idle_branches(tensors) and _final(tensors) == "layer5"


def _recognises_adaptsegnet(tensors: Tensors) -> bool:
    return _has_layout(tensors) and _has_idle_branches(tensors)


def _recognises_advent(tensors: Tensors) -> bool:
    return _has_layout(tensors) and not _has_idle_branches(tensors) and _final(tensors) == "layer6"


SPEEDINGHZL = Layout(
    name="speedinghzl",
    describes="speedinghzl/Pytorch-Deeplab: ResNet-101 DeepLab v2 at one scale",
    recognises=_recognises_speedinghzl,
    convert=four_branches,
)

ADAPTSEGNET = Layout(
    name="adaptsegnet",
    describes="wasidennis/AdaptSegNet: one or two levels, of whose four branches two count",
    recognises=_recognises_adaptsegnet,
    convert=two_branches,
)

ADVENT = Layout(
    name="advent",
    describes="valeoai/ADVENT: AdaptSegNet's two levels (`layer6` last) with all four branches",
    recognises=_recognises_advent,
    convert=four_branches,
)


def _convert(tensors: Tensors, *, rates: tuple[int, ...]) -> Converted:
    final = _final(tensors)
    num_branches = sum(f"{final}.conv2d_list.{place}.weight" in tensors for place in range(9))
    if num_branches != 4:
        raise ValueError(
            f"{final}.conv2d_list has {num_branches} branches; known are the rates of four (6, 12, "
            "18, 24)"
        )
    left_out = tuple(name for name in tensors if _is_left_out(name, final, len(rates)))
    branch = rf"{final}\.conv2d_list\.([0-{len(rates) - 1}])\.(weight|bias)"
    rules = (*RESNET_RULES, (branch, r"head.branches.\1.\2"))
    kept = {name: value for name, value in tensors.items() if name not in left_out}
    config = ModelConfig(
        backbone=f"resnet{depth_of(tensors)}",
        output_stride=8,
        head=ASPPConfig(rates=rates),
        num_classes=num_rows(tensors, f"{final}.conv2d_list.0.weight") or 21,
        init="random",
    )
    remarks = {"classifier": f"{final}, the branches of rates {', '.join(map(str, rates))}"}
    return Converted(config, rename(kept, rules), ignored=left_out, remarks=remarks)


def _is_left_out(name: str, final: str, num_branches: int) -> bool:
    """Tell the auxiliary classifier, and branches that are never added."""
    layer, _, rest = name.partition(".conv2d_list.")
    if not rest or layer not in ("layer5", "layer6"):
        return False
    place = rest.partition(".")[0]
    return layer != final or (place.isdecimal() and num_branches <= int(place) < 4)


def _has_layout(tensors: Tensors) -> bool:
    return "conv1.weight" in tensors and f"{_final(tensors)}.conv2d_list.0.weight" in tensors


def _final(tensors: Tensors) -> str:
    """Name the classifier that sees the last features; another is for training alone."""
    return "layer6" if "layer6.conv2d_list.0.weight" in tensors else "layer5"


def _has_idle_branches(tensors: Tensors) -> bool:
    branches = [tensors.get(f"{_final(tensors)}.conv2d_list.{place}.weight") for place in range(4)]
    return all(branch is not None and _is_noise(branch) for branch in branches[2:])


def _is_noise(weight: Tensor) -> bool:
    """Tell weights that never learnt: with so many their spread is known to a thousandth."""
    if weight.ndim != 4 or weight.shape[1] != RESNET_FEATURES or not weight.is_floating_point():
        return False
    std, mean = weight.double().std().item(), weight.double().mean().item()
    return abs(std / _START_STD - 1) < _NOISE and abs(mean) < _NOISE * _START_STD
