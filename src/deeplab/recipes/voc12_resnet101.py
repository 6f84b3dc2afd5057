"""PASCAL VOC 2012 with ResNet-101: Table 4 of the paper, and what went to the test server.

The data is what `deeplab data prepare voc12 --from DOWNLOADS --to DIR/VOCdevkit/VOC2012` writes.
Scores are mIoU on val; the CRF's parameters are `--crf resnet101`. Each row changes one thing of
the row above it. The heads of the rows before ASPP are not released: one 1x1 filter and, for
LargeFOV, one 3x3 filter at rate 12, straight from features to classes, are our reading of the text.
"""

from deeplab.recipes.paper import (
    ASPP,
    AUG,
    COCO,
    LARGE_FOV,
    MSC,
    resnet101,
    second_stage,
    source,
    vary,
)
from deeplab.recipes.recipe import Recipe

_TRAINAUG = source("VOCdevkit/VOC2012", "trainaug")
_VAL = source("VOCdevkit/VOC2012", "val")
_TRAINVAL_AUG = source("VOCdevkit/VOC2012", "trainval_aug")


def voc12_resnet101() -> Recipe:
    """Table 4, nothing ticked: 68.72 % mIoU.

    `deeplab train voc12-resnet101 --data DIR`.
    """
    return resnet101("voc12-resnet101", _TRAINAUG, _VAL, num_classes=21)


def voc12_resnet101_msc() -> Recipe:
    """Table 4, MSC: 71.27 % mIoU.

    `deeplab train voc12-resnet101-msc --data DIR`.
    """
    return vary(voc12_resnet101(), "voc12-resnet101-msc", model=MSC)


def voc12_resnet101_msc_coco() -> Recipe:
    """Table 4, MSC and COCO: 73.28 % mIoU.

    `deeplab train voc12-resnet101-msc-coco --data DIR`.
    """
    return vary(voc12_resnet101_msc(), "voc12-resnet101-msc-coco", model=COCO)


def voc12_resnet101_msc_coco_aug() -> Recipe:
    """Table 4, MSC, COCO and Aug: 74.87 % mIoU.

    `deeplab train voc12-resnet101-msc-coco-aug --data DIR`.
    """
    return vary(voc12_resnet101_msc_coco(), "voc12-resnet101-msc-coco-aug", augment=AUG)


def voc12_resnet101_msc_largefov() -> Recipe:
    """Table 4, MSC, COCO, Aug and LargeFOV: 75.54 % mIoU.

    `deeplab train voc12-resnet101-msc-largefov --data DIR`.
    """
    return vary(voc12_resnet101_msc_coco_aug(), "voc12-resnet101-msc-largefov", model=LARGE_FOV)


def voc12_resnet101_msc_aspp() -> Recipe:
    """Table 4, MSC, COCO, Aug and ASPP: 76.35 % mIoU, 77.69 % with CRF.

    `deeplab train voc12-resnet101-msc-aspp --data DIR`. What the authors ran and released
    (`train_iter_20000.caffemodel`).
    """
    return vary(voc12_resnet101_msc_coco_aug(), "voc12-resnet101-msc-aspp", model=ASPP)


def voc12_resnet101_msc_aspp_trainval() -> Recipe:
    """Second stage of `voc12-resnet101-msc-aspp`: 79.7 % mIoU on test with CRF (Table 5).

    `deeplab train voc12-resnet101-msc-aspp-trainval --data DIR`, after its first stage. Released
    as `train2_iter_20000.caffemodel`; it has seen val.
    """
    return second_stage(voc12_resnet101_msc_aspp(), _TRAINVAL_AUG)
