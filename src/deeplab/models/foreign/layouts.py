"""All layouts that are known, and which of them a file has."""

from collections.abc import Iterable

from deeplab.models.foreign.adaptsegnet_vgg import ADAPTSEGNET_VGG
from deeplab.models.foreign.caffe import CAFFE_LAYOUTS
from deeplab.models.foreign.classifier_module import ADAPTSEGNET, ADVENT, SPEEDINGHZL
from deeplab.models.foreign.imagenet_resnet import MSRA_RESNET, TORCHVISION_RESNET, V1C_RESNET
from deeplab.models.foreign.isht7 import ISHT7, ISHT7_COPIES
from deeplab.models.foreign.kazuto1011 import KAZUTO1011, KAZUTO1011_MSC
from deeplab.models.foreign.layout import Layout, Tensors
from deeplab.models.foreign.mmseg import MMSEG_DLV2
from deeplab.models.foreign.torchvision_v3 import TORCHVISION_V3

_FIRST_NAMES = 5  # that messages show

LAYOUTS: dict[str, Layout] = {
    layout.name: layout
    for layout in (
        *CAFFE_LAYOUTS,
        KAZUTO1011_MSC,
        KAZUTO1011,
        ISHT7,
        ISHT7_COPIES,
        SPEEDINGHZL,
        ADAPTSEGNET,
        ADVENT,
        ADAPTSEGNET_VGG,
        TORCHVISION_RESNET,
        MSRA_RESNET,
        V1C_RESNET,
        MMSEG_DLV2,
        TORCHVISION_V3,
    )
}
"""Every known layout by name."""


def find_layout(tensors: Tensors, name: str | None = None) -> Layout:
    """Tell the layout of a file by its tensors.

    Args:
        tensors: Of the file, by name.
        name: Take this layout, whatever the names say.

    Raises:
        ValueError: The file has no known layout, or several; or there is none of that name.
    """
    if name is not None:
        if name not in LAYOUTS:
            raise ValueError(f"unknown layout {name!r}: known are {', '.join(LAYOUTS)}")
        return LAYOUTS[name]
    found = [layout for layout in LAYOUTS.values() if layout.recognises(tensors)]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(layout.name for layout in found)
        raise ValueError(f"the names fit several layouts ({names}): say which, with `layout`")
    known = "; ".join(f"{layout.name} ({layout.describes})" for layout in LAYOUTS.values())
    raise ValueError(
        f"names of a layout that is not known: {first_names(tensors)}. Known layouts: {known}"
    )


def first_names(names: Iterable[str]) -> str:
    """Write the first few names, and how many there are."""
    listed = list(names)
    shown = ", ".join(listed[:_FIRST_NAMES])
    return f"{shown}, ... ({len(listed)} in all)" if len(listed) > _FIRST_NAMES else shown
