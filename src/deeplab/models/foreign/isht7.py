"""github.com/isht7/pytorch-deeplab-resnet: the authors' ResNet at three scales, in torch.

Read at ba813636: `deeplab_resnet.py`. Blocks are MSRA's (stride in the first 1x1, `ceil_mode` pool)
under torchvision's names. speedinghzl's network for three scales has the same names and code.
Until June 2017 (57e7efc) the scales had copies of the weights, `Scale1` to `Scale3`, which its
training let drift apart.
"""

import torch

from deeplab.models.foreign.classifier_module import four_branches
from deeplab.models.foreign.layout import Converted, Layout, Tensors
from deeplab.models.foreign.names import below

_SCALES = (1.0, 0.75, 0.5)


def _recognises(tensors: Tensors) -> bool:
    return "Scale.conv1.weight" in tensors


def _recognises_copies(tensors: Tensors) -> bool:
    return "Scale1.conv1.weight" in tensors


def _convert(tensors: Tensors) -> Converted:
    outside = {name: value for name, value in tensors.items() if not name.startswith("Scale.")}
    found = four_branches(below(tensors, "Scale."))
    update = {"scales": _SCALES, "resizing": "past_the_end"}
    config = found.config.model_copy(update=update)
    return Converted(config, found.weights | outside, remarks=found.remarks)


def _convert_copies(tensors: Tensors) -> Converted:
    copies = [below(tensors, f"Scale{number}.") for number in (1, 2, 3)]
    _check_copies(copies)
    kept = ("Scale1.", "Scale2.", "Scale3.")
    outside = {name: value for name, value in tensors.items() if not name.startswith(kept)}
    one = {f"Scale.{name}": value for name, value in copies[0].items()}
    found = _convert(one | outside)
    return Converted(
        found.config,
        found.weights,
        ignored=tuple(name for name in tensors if name.startswith(kept[1:])),
        remarks=found.remarks
        | {
            "scales": "sizes are int(n * scale) + 1, as in his later versions; this one rounded "
            "up, which is the same where n is no multiple of 4"
        },
    )


ISHT7 = Layout(
    name="isht7",
    describes="isht7/pytorch-deeplab-resnet: ResNet-101 DeepLab v2 at three scales",
    recognises=_recognises,
    convert=_convert,
)

ISHT7_COPIES = Layout(
    name="isht7-copies",
    describes="isht7/pytorch-deeplab-resnet before June 2017: the weights three times",
    recognises=_recognises_copies,
    convert=_convert_copies,
)


def _check_copies(copies: list[dict[str, torch.Tensor]]) -> None:
    first, *others = copies
    for number, other in enumerate(others, 2):
        if other.keys() != first.keys():
            raise ValueError(f"Scale{number} does not have the same tensors as Scale1")
        for name, value in other.items():
            if not torch.equal(value, first[name]):
                raise ValueError(
                    f"Scale{number}.{name} differs from Scale1.{name}: our networks share their "
                    "weights over the scales; keep the copy that you want as `Scale.`"
                )
