"""Cityscapes, 19 classes: Table 9 of the paper.

The data is what `deeplab data prepare cityscapes --from DOWNLOADS --to DIR/cityscapes` writes.
Scores are mIoU on val. No COCO and no MSC here, as published. Neither crop, rates, steps and the
overlap of windows nor the CRF's parameters are published: rates and steps are those of VOC 2012,
crops are 513 pixels, and 321 at half resolution.

Pictures are scored in overlapping windows: `deeplab evaluate ... --window 1025`. The rows that are
not "Full" learn from pictures of half the size, and are scored at it: `--scales 0.5`.
"""

from deeplab.recipes.paper import ASPP, AUG, LARGE_FOV, resnet101, source, vary, vgg16
from deeplab.recipes.recipe import Recipe

_TRAIN = source("cityscapes", "train")


def cityscapes_vgg16_largefov_half() -> Recipe:
    """Table 9, VGG-16 LargeFOV at half resolution: 62.97 % mIoU, 64.18 % with CRF.

    `deeplab train cityscapes-vgg16-largefov-half --data DIR`. Settings are ours: those of VOC 2012.
    """
    return vary(
        cityscapes_vgg16_largefov(),
        "cityscapes-vgg16-largefov-half",
        augment={"scales": (0.5,), "crop_size_px": 321},
    )


def cityscapes_vgg16_largefov() -> Recipe:
    """Table 9, VGG-16 LargeFOV, Full: 64.89 % mIoU, 65.94 % with CRF.

    `deeplab train cityscapes-vgg16-largefov --data DIR`. Settings are ours: those of VOC 2012, with
    crops of 513 pixels.
    """
    return vgg16("cityscapes-vgg16-largefov", _TRAIN, None, num_classes=19, crop_size_px=513)


def cityscapes_resnet101() -> Recipe:
    """Table 9, ResNet-101, Full: 66.6 % mIoU.

    `deeplab train cityscapes-resnet101 --data DIR`. Settings are ours: those of VOC 2012, with
    crops of 513 pixels.
    """
    return resnet101("cityscapes-resnet101", _TRAIN, None, num_classes=19, crop_size_px=513)


def cityscapes_resnet101_largefov() -> Recipe:
    """Table 9, ResNet-101, Full and LargeFOV: 69.2 % mIoU.

    `deeplab train cityscapes-resnet101-largefov --data DIR`. Settings are ours, see
    `cityscapes-resnet101`.
    """
    return vary(cityscapes_resnet101(), "cityscapes-resnet101-largefov", model=LARGE_FOV)


def cityscapes_resnet101_aspp() -> Recipe:
    """Table 9, ResNet-101, Full and ASPP: 70.4 % mIoU.

    `deeplab train cityscapes-resnet101-aspp --data DIR`. Settings are ours, see
    `cityscapes-resnet101`.
    """
    return vary(cityscapes_resnet101(), "cityscapes-resnet101-aspp", model=ASPP)


def cityscapes_resnet101_aspp_aug() -> Recipe:
    """Table 9, ResNet-101, Full, Aug and ASPP: 71.0 % mIoU, 71.4 % with CRF.

    `deeplab train cityscapes-resnet101-aspp-aug --data DIR`. Settings are ours, see
    `cityscapes-resnet101`. Its score on test is 70.4 % with CRF (Table 8).
    """
    return vary(cityscapes_resnet101_aspp(), "cityscapes-resnet101-aspp-aug", augment=AUG)
