"""Light networks for machines without a GPU; ours, not the paper's."""

from pathlib import Path

from deeplab.data.augment import AugmentConfig
from deeplab.data.stream import DataConfig, SourceConfig
from deeplab.models import ASPPConfig, ModelConfig
from deeplab.recipes.recipe import Recipe
from deeplab.training import TrainConfig


def voc12_lite() -> Recipe:
    """The default weights: EfficientNet-Lite2 and ASPP at output stride 16.

    `deeplab train voc12-lite --data DIR`; DIR is described in RESULTS.md. 86 minutes on 2 cores of
    an AMD EPYC (bfloat16), shared with other work. 64.6 % mIoU on val_here, single scale, no CRF.
    """
    return Recipe(
        name="voc12-lite",
        model=ModelConfig(
            backbone="efficientnet_lite2",
            output_stride=16,
            head=ASPPConfig(rates=(3, 6, 9, 12), dropout=0.15),
        ),
        data=DataConfig(
            train=(
                SourceConfig(root=Path("VOCdevkit/VOC2012"), split="train_here"),
                SourceConfig(root=Path("coco_voc20"), split="list"),
            ),
            holdout_every=16,
            balance=0.5,
            augment=AugmentConfig(
                crop_size_px=321,
                scales=(0.6, 0.7, 0.8, 0.9, 1.0, 1.2),
                colour_jitter=0.3,
                paste=0.3,
            ),
        ),
        train=TrainConfig(
            iterations=3400,
            batch_size=16,
            accumulate=1,
            optimiser="adamw",
            base_lr=3e-4,
            backbone_bias_lr_multiplier=1.0,
            head_lr_multiplier=3.0,
            head_bias_lr_multiplier=6.0,
            weight_decay=0.05,
            warmup_iterations=100,
            batch_norm="affine",
            freeze=("conv_stem", "bn1", "blocks.0", "blocks.1"),
            loss_stride=4,
            max_gradient_norm=5.0,
            average_decay=0.998,
            precision="bf16-mixed",
            checkpoint_every=100,
            validate_every=340,
        ),
    )


def finetune() -> Recipe:
    """Your own classes, from the default weights: a `data.yaml` with the splits `train` and `val`.

    `deeplab train --data DIR`; the classes are those of the data set. A published network knows
    objects already, so the rates are lower and the schedule shorter than where it came from.
    """
    published = voc12_lite()
    return Recipe(
        name="finetune",
        model=published.model.model_copy(update={"init": "voc12-lite", "num_classes": "auto"}),
        data=DataConfig(
            train=(SourceConfig(root=Path("."), split="train"),),
            validation=SourceConfig(root=Path("."), split="val"),
            augment=published.data.augment.model_copy(update={"paste": 0.0}),
        ),
        train=published.train.model_copy(
            update={
                "iterations": 1000,
                "batch_size": 8,
                "base_lr": 1e-4,
                "warmup_iterations": 50,
                "average_decay": 0.99,
                "validate_every": 200,
            }
        ),
    )
