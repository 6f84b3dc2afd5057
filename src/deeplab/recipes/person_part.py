"""PASCAL-Person-Part, 6 parts and the background: Table 7 of the paper.

The data is what `deeplab data prepare person-part --from DOWNLOADS --to DIR/person-part` writes.
Scores are mIoU on val. Neither crop, rates and steps nor the CRF's parameters are published: ours
are those of VOC 2012. In which rows the paper ticks Aug is not known to us: ours have it from the
row with COCO on, as in Table 4.
"""

from deeplab.recipes.paper import ASPP, AUG, COCO, LARGE_FOV, MSC, resnet101, source, vary
from deeplab.recipes.recipe import Recipe


def person_part_resnet101() -> Recipe:
    """Table 7, ResNet-101, nothing ticked: 58.90 % mIoU.

    `deeplab train person-part-resnet101 --data DIR`. Settings are ours: those of VOC 2012.
    """
    return resnet101(
        "person-part-resnet101",
        source("person-part", "train"),
        source("person-part", "val"),
        num_classes=7,
    )


def person_part_resnet101_msc() -> Recipe:
    """Table 7, MSC: 63.10 % mIoU.

    `deeplab train person-part-resnet101-msc --data DIR`. Settings are ours: those of VOC 2012.
    """
    return vary(person_part_resnet101(), "person-part-resnet101-msc", model=MSC)


def person_part_resnet101_msc_coco() -> Recipe:
    """Table 7, MSC and COCO: 64.40 % mIoU, 64.94 % with CRF.

    `deeplab train person-part-resnet101-msc-coco --data DIR`. Settings are ours: those of VOC 2012,
    and Aug. The best of the table: neither LargeFOV nor ASPP helps here.
    """
    return vary(
        person_part_resnet101_msc(), "person-part-resnet101-msc-coco", model=COCO, augment=AUG
    )


def person_part_resnet101_msc_coco_largefov() -> Recipe:
    """Table 7, MSC, COCO and LargeFOV: 62.18 % mIoU.

    `deeplab train person-part-resnet101-msc-coco-largefov --data DIR`. Settings are ours: those of
    VOC 2012, and Aug.
    """
    return vary(
        person_part_resnet101_msc_coco(),
        "person-part-resnet101-msc-coco-largefov",
        model=LARGE_FOV,
    )


def person_part_resnet101_msc_coco_aspp() -> Recipe:
    """Table 7, MSC, COCO and ASPP: 62.76 % mIoU.

    `deeplab train person-part-resnet101-msc-coco-aspp --data DIR`. Settings are ours: those of VOC
    2012, and Aug.
    """
    return vary(person_part_resnet101_msc_coco(), "person-part-resnet101-msc-coco-aspp", model=ASPP)
