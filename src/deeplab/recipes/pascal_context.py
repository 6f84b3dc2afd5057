"""PASCAL-Context, 59 classes and the background: Table 6 of the paper.

The data is what `deeplab data prepare pascal-context --from DOWNLOADS --to DIR/pascal-context`
writes. Scores are mIoU on val. Neither crop, rates and steps nor the CRF's parameters are
published: ours are those of VOC 2012. In which rows the paper ticks Aug is not known to us: ours
have it from the row with COCO on, as in Table 4.
"""

from deeplab.recipes.paper import ASPP, AUG, COCO, LARGE_FOV, MSC, resnet101, source, vary, vgg16
from deeplab.recipes.recipe import Recipe

_TRAIN = source("pascal-context", "train")
_VAL = source("pascal-context", "val")


def pascal_context_vgg16_largefov() -> Recipe:
    """Table 6, VGG-16 LargeFOV: 37.6 % mIoU, 39.6 % with CRF.

    `deeplab train pascal-context-vgg16-largefov --data DIR`. Settings are ours: those of VOC 2012.
    """
    return vgg16("pascal-context-vgg16-largefov", _TRAIN, _VAL, num_classes=60)


def pascal_context_resnet101() -> Recipe:
    """Table 6, ResNet-101, nothing ticked: 39.6 % mIoU.

    `deeplab train pascal-context-resnet101 --data DIR`. Settings are ours: those of VOC 2012.
    """
    return resnet101("pascal-context-resnet101", _TRAIN, _VAL, num_classes=60)


def pascal_context_resnet101_msc() -> Recipe:
    """Table 6, MSC: 41.4 % mIoU.

    `deeplab train pascal-context-resnet101-msc --data DIR`. Settings are ours: those of VOC 2012.
    """
    return vary(pascal_context_resnet101(), "pascal-context-resnet101-msc", model=MSC)


def pascal_context_resnet101_msc_coco() -> Recipe:
    """Table 6, MSC and COCO: 42.9 % mIoU.

    `deeplab train pascal-context-resnet101-msc-coco --data DIR`. Settings are ours: those of VOC
    2012, and Aug.
    """
    return vary(
        pascal_context_resnet101_msc(),
        "pascal-context-resnet101-msc-coco",
        model=COCO,
        augment=AUG,
    )


def pascal_context_resnet101_msc_coco_largefov() -> Recipe:
    """Table 6, MSC, COCO and LargeFOV: 43.5 % mIoU.

    `deeplab train pascal-context-resnet101-msc-coco-largefov --data DIR`. Settings are ours: those
    of VOC 2012, and Aug.
    """
    return vary(
        pascal_context_resnet101_msc_coco(),
        "pascal-context-resnet101-msc-coco-largefov",
        model=LARGE_FOV,
    )


def pascal_context_resnet101_msc_coco_aspp() -> Recipe:
    """Table 6, MSC, COCO and ASPP: 44.7 % mIoU, 45.7 % with CRF.

    `deeplab train pascal-context-resnet101-msc-coco-aspp --data DIR`. Settings are ours: those of
    VOC 2012, and Aug.
    """
    return vary(
        pascal_context_resnet101_msc_coco(), "pascal-context-resnet101-msc-coco-aspp", model=ASPP
    )
