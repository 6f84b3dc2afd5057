"""The experiments: one function a recipe, one table of their names."""

from collections.abc import Callable

from deeplab.recipes import (
    cityscapes,
    coco,
    pascal_context,
    person_part,
    voc12_resnet101,
    voc12_vgg16,
)
from deeplab.recipes.light import finetune as finetune
from deeplab.recipes.light import voc12_lite as voc12_lite
from deeplab.recipes.paper import COCO_RESNET101 as COCO_RESNET101
from deeplab.recipes.paper import START_FILES as START_FILES
from deeplab.recipes.recipe import Recipe as Recipe
from deeplab.recipes.recipe import compare as compare
from deeplab.recipes.recipe import override as override
from deeplab.recipes.recipe import parse_recipe as parse_recipe
from deeplab.recipes.tables import STAGES as STAGES
from deeplab.recipes.tables import TABLES as TABLES
from deeplab.recipes.tables import Row as Row
from deeplab.recipes.tables import Table as Table
from deeplab.recipes.tables import find_table as find_table
from deeplab.recipes.tables import tables_of as tables_of

RECIPES: dict[str, Callable[[], Recipe]] = {
    "voc12-lite": voc12_lite,
    "finetune": finetune,
    "voc12-vgg16-fov-7x7-r4": voc12_vgg16.voc12_vgg16_fov_7x7_r4,
    "voc12-vgg16-fov-4x4-r4": voc12_vgg16.voc12_vgg16_fov_4x4_r4,
    "voc12-vgg16-fov-4x4-r8": voc12_vgg16.voc12_vgg16_fov_4x4_r8,
    "voc12-vgg16-largefov-step": voc12_vgg16.voc12_vgg16_largefov_step,
    "voc12-vgg16-largefov-poly-30-6k": voc12_vgg16.voc12_vgg16_largefov_poly_30_6k,
    "voc12-vgg16-largefov-poly-30-10k": voc12_vgg16.voc12_vgg16_largefov_poly_30_10k,
    "voc12-vgg16-largefov-poly-10-10k": voc12_vgg16.voc12_vgg16_largefov_poly_10_10k,
    "voc12-vgg16-largefov": voc12_vgg16.voc12_vgg16_largefov,
    "voc12-vgg16-aspp-s": voc12_vgg16.voc12_vgg16_aspp_s,
    "voc12-vgg16-aspp-l": voc12_vgg16.voc12_vgg16_aspp_l,
    "voc12-vgg16-largefov-step-trainval": voc12_vgg16.voc12_vgg16_largefov_step_trainval,
    "voc12-vgg16-aspp-l-trainval": voc12_vgg16.voc12_vgg16_aspp_l_trainval,
    "voc12-resnet101": voc12_resnet101.voc12_resnet101,
    "voc12-resnet101-msc": voc12_resnet101.voc12_resnet101_msc,
    "voc12-resnet101-msc-coco": voc12_resnet101.voc12_resnet101_msc_coco,
    "voc12-resnet101-msc-coco-aug": voc12_resnet101.voc12_resnet101_msc_coco_aug,
    "voc12-resnet101-msc-largefov": voc12_resnet101.voc12_resnet101_msc_largefov,
    "voc12-resnet101-msc-aspp": voc12_resnet101.voc12_resnet101_msc_aspp,
    "voc12-resnet101-msc-aspp-trainval": voc12_resnet101.voc12_resnet101_msc_aspp_trainval,
    "coco-resnet101": coco.coco_resnet101,
    "pascal-context-vgg16-largefov": pascal_context.pascal_context_vgg16_largefov,
    "pascal-context-resnet101": pascal_context.pascal_context_resnet101,
    "pascal-context-resnet101-msc": pascal_context.pascal_context_resnet101_msc,
    "pascal-context-resnet101-msc-coco": pascal_context.pascal_context_resnet101_msc_coco,
    "pascal-context-resnet101-msc-coco-largefov": (
        pascal_context.pascal_context_resnet101_msc_coco_largefov
    ),
    "pascal-context-resnet101-msc-coco-aspp": pascal_context.pascal_context_resnet101_msc_coco_aspp,
    "person-part-resnet101": person_part.person_part_resnet101,
    "person-part-resnet101-msc": person_part.person_part_resnet101_msc,
    "person-part-resnet101-msc-coco": person_part.person_part_resnet101_msc_coco,
    "person-part-resnet101-msc-coco-largefov": person_part.person_part_resnet101_msc_coco_largefov,
    "person-part-resnet101-msc-coco-aspp": person_part.person_part_resnet101_msc_coco_aspp,
    "cityscapes-vgg16-largefov-half": cityscapes.cityscapes_vgg16_largefov_half,
    "cityscapes-vgg16-largefov": cityscapes.cityscapes_vgg16_largefov,
    "cityscapes-resnet101": cityscapes.cityscapes_resnet101,
    "cityscapes-resnet101-largefov": cityscapes.cityscapes_resnet101_largefov,
    "cityscapes-resnet101-aspp": cityscapes.cityscapes_resnet101_aspp,
    "cityscapes-resnet101-aspp-aug": cityscapes.cityscapes_resnet101_aspp_aug,
}
"""Every recipe by name."""
