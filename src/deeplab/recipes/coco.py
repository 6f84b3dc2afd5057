"""MS COCO: what the rows with the tick COCO start from.

The paper says no more than "pre-trained on MS-COCO". The released `init.caffemodel` is a dilated
ResNet-101 with one 1x1 filter for 91 outputs, COCO's category ids, which are dropped afterwards.
Pictures, crop, rate and number of steps are not published: these are ours.
"""

from deeplab.recipes.paper import AUG, resnet101, source, vary
from deeplab.recipes.recipe import Recipe


def coco_resnet101() -> Recipe:
    """Pre-training for the rows with COCO: a 1x1 head of 91 outputs; no score is published.

    `deeplab train coco-resnet101 --data DIR`; the data is what `deeplab data prepare coco91 --from
    DOWNLOADS --to DIR/coco91` writes. Then start the rows from it: `--set
    model.init=runs/coco-resnet101/last.safetensors`. 100 000 steps (8.5 passes) are ours.
    """
    base = resnet101("", source("coco91", "train"), source("coco91", "val"), num_classes=91)
    return vary(base, "coco-resnet101", augment=AUG, train={"iterations": 100_000})
