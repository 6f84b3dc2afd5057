"""How many pictures the data sets of the paper have.

Reference: DeepLab v2, arXiv 1606.00915, section 4, and the published lists.
"""

from collections.abc import Mapping

NUM_PICTURES: Mapping[str, Mapping[str, int]] = {
    "voc12": {"train": 1464, "val": 1449, "test": 1456, "trainaug": 10582, "trainval_aug": 12031},
    "pascal-context": {"train": 4998, "val": 5105},
    "person-part": {"train": 1716, "val": 1817},
    "cityscapes": {"train": 2975, "val": 500, "test": 1525},
    "coco91": {"train": 118287, "val": 5000},
    "coco-voc20": {"train": 118287, "val": 5000},
}
"""Pictures of each split, by the name of the label set."""
