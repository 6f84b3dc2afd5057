"""What the paper's experiments share on all data sets: the released solvers, and one change a tick.

Reference: DeepLab v2, arXiv 1606.00915, section 4; released `solver.prototxt` and `train.prototxt`.
Where the two differ the release counts. The rows of the paper's tables are in the files of this
room that are named after data sets; `tables` lists them. Which of them we have trained ourselves,
and what came out, stands in RESULTS.md: a recipe that has no row there has not been trained by us.

Nothing is chosen on the validation pictures, as published: they are scored once, after the last
step, so that `best` and `last` are the same weights.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from deeplab.data.augment import AugmentConfig
from deeplab.data.stream import DataConfig, SourceConfig
from deeplab.models import ASPPConfig, LargeFOVConfig, LinearConfig, ModelConfig
from deeplab.recipes.recipe import Recipe
from deeplab.training import TrainConfig

Changes = Mapping[str, object]
"""Settings by name, of one part of a recipe."""

MSRA_RESNET101 = "msra-resnet101-imagenet"
COCO_RESNET101 = "caffe-resnet101-coco-init"

START_FILES: Mapping[str, str] = {
    MSRA_RESNET101: "ResNet-101-model.caffemodel of He et al. (MSRA), trained on ImageNet",
    COCO_RESNET101: "init.caffemodel of the authors (in prototxt_and_model.zip of "
    "deeplab_aspp_resnet101), trained on MS COCO",
}
"""The files that starting weights are imported from, by the name that recipes know them by."""

MSC: Changes = {"scales": (1.0, 0.75, 0.5)}
"""The tick MSC, of the network: inputs of three sizes, the maximum of their scores."""
COCO: Changes = {"init": COCO_RESNET101, "keep_head": False}
"""The tick COCO, of the network: start from a network for MS COCO, less its 91 outputs."""
LARGE_FOV: Changes = {"head": ASPPConfig(rates=(12,))}
"""The tick LargeFOV, of a ResNet: one 3x3 filter at rate 12 from features to classes."""
ASPP: Changes = {"head": ASPPConfig(rates=(6, 12, 18, 24))}
"""The tick ASPP, of a ResNet: four such filters, their scores added."""
AUG: Changes = {"scales": (0.5, 0.75, 1.0, 1.25, 1.5)}
"""The tick Aug, of crops: one of five sizes is drawn for each."""

_VGG16_LARGE_FOV = LargeFOVConfig()


def source(root: str, split: str) -> SourceConfig:
    """Name a split of a data set below the folder that `--data` gives."""
    return SourceConfig(root=Path(root), split=split)


def vgg16(
    name: str,
    train: SourceConfig,
    validation: SourceConfig | None,
    *,
    num_classes: int,
    crop_size_px: int = 321,
) -> Recipe:
    """Make the recipe of VGG-16 LargeFOV: batches of 10, rate 1e-3 (poly), 20 000 steps.

    Released for VOC 2012 with ASPP (`exper/voc12/config/vgg16`). The authors' fc6 and fc7 came from
    ImageNet, a subset of VGG's own; ours start random, as only the convolutions are at hand.

    Args:
        name: Of the recipe.
        train: What it learns from.
        validation: What it is scored on at the end.
        num_classes: Background included.
        crop_size_px: Side of a crop.
    """
    return Recipe(
        name=name,
        model=ModelConfig(
            backbone="vgg16", output_stride=8, head=_VGG16_LARGE_FOV, num_classes=num_classes
        ),
        data=_data(train, validation, crop_size_px),
        train=TrainConfig(
            iterations=20_000,
            batch_size=10,
            accumulate=1,
            base_lr=1e-3,
            validate_every=20_000,
        ),
    )


def resnet101(
    name: str,
    train: SourceConfig,
    validation: SourceConfig | None,
    *,
    num_classes: int,
    crop_size_px: int = 321,
) -> Recipe:
    """Make the recipe of a plain ResNet-101: 1x1 head, 10 times one crop a step, rate 2.5e-4.

    Released for VOC 2012 with MSC and ASPP (`deeplab_ResNet101/solver.prototxt`): poly, 20 000
    steps, batch norms frozen. The paper's text gives no rate of its own for ResNet-101; many ports
    take VGG's 1e-3.

    Args:
        name: Of the recipe.
        train: What it learns from.
        validation: What it is scored on at the end.
        num_classes: Background included.
        crop_size_px: Side of a crop.
    """
    return Recipe(
        name=name,
        model=ModelConfig(
            backbone="resnet101",
            output_stride=8,
            head=LinearConfig(),
            num_classes=num_classes,
            init=MSRA_RESNET101,
        ),
        data=_data(train, validation, crop_size_px),
        train=TrainConfig(
            iterations=20_000,
            batch_size=1,
            accumulate=10,
            base_lr=2.5e-4,
            validate_every=20_000,
        ),
    )


def vary(
    recipe: Recipe,
    name: str,
    *,
    model: Changes | None = None,
    augment: Changes | None = None,
    train: Changes | None = None,
) -> Recipe:
    """Copy a recipe under another name, with some settings changed."""
    changed_train = recipe.train.model_copy(update={**(train or {})})
    once_at_the_end = {"validate_every": changed_train.iterations}
    data = recipe.data.model_copy(
        update={"augment": recipe.data.augment.model_copy(update={**(augment or {})})}
    )
    return recipe.model_copy(
        update={
            "name": name,
            "model": recipe.model.model_copy(update={**(model or {})}),
            "data": data,
            "train": changed_train.model_copy(update=once_at_the_end),
        }
    )


def second_stage(recipe: Recipe, train: SourceConfig) -> Recipe:
    """Go on from what a recipe gave, on train and val together: a whole schedule anew.

    Released: `solver2.prototxt`, for what is sent to the test server. Its weights have seen val.

    Args:
        recipe: The first stage; its run folder is the usual one, `runs/NAME`.
        train: What the second stage learns from.
    """
    start = {"init": f"runs/{recipe.name}/last.safetensors", "keep_head": True}
    varied = vary(recipe, f"{recipe.name}-trainval", model=start)
    data = varied.data.model_copy(update={"train": (train,), "validation": None})
    return varied.model_copy(update={"data": data})


def vgg16_aspp(variant: Literal["S", "L"]) -> Changes:
    """Give the head of VGG-16 ASPP: four branches of fc6, fc7 and fc8, at small or large rates."""
    rates = {"S": (2, 4, 8, 12), "L": (6, 12, 18, 24)}[variant]
    return {"head": ASPPConfig(rates=rates, hidden_channels=1024, dropout=0.5)}


def _data(train: SourceConfig, validation: SourceConfig | None, crop_size_px: int) -> DataConfig:
    augment = AugmentConfig(crop_size_px=crop_size_px, scales=(1.0,), mirror=True)
    return DataConfig(train=(train,), validation=validation, augment=augment)
