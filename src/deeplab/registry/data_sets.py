"""What weights were trained on, and what the terms of these data sets say about trade.

`commercial_ok` is the careful reading: it is True only where the terms of both pictures and labels
allow commercial use. Whether weights inherit the terms of what they learnt from is not settled;
this is a filter, not legal advice.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSet:
    """The terms of one data set.

    Attributes:
        title: What people call it.
        terms: What its terms say, in words.
        url: Where they stand.
        commercial_ok: Whether they allow commercial use of both pictures and labels.
    """

    title: str
    terms: str
    url: str
    commercial_ok: bool


_FLICKR = "the pictures belong to their authors on Flickr, many for non-commercial use only"

DATA_SETS: dict[str, DataSet] = {
    "imagenet": DataSet(
        "ImageNet (ILSVRC)",
        "non-commercial research and education only",
        "https://image-net.org/download.php",
        commercial_ok=False,
    ),
    "voc2012": DataSet(
        "PASCAL VOC 2012",
        f"{_FLICKR}; made for research",
        "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        commercial_ok=False,
    ),
    "sbd": DataSet(
        "Semantic Boundaries Dataset",
        f"pictures of PASCAL VOC: {_FLICKR}; terms of the labels are not stated",
        "http://home.bharathh.info/pubs/codes/SBD/download.html",
        commercial_ok=False,
    ),
    "coco": DataSet(
        "MS COCO",
        f"annotations CC BY 4.0; {_FLICKR}",
        "https://cocodataset.org/#termsofuse",
        commercial_ok=False,
    ),
    "coco-stuff": DataSet(
        "COCO-Stuff",
        f"annotations CC BY 4.0, pictures of MS COCO: {_FLICKR}",
        "https://github.com/nightrome/cocostuff#licensing",
        commercial_ok=False,
    ),
    "cityscapes": DataSet(
        "Cityscapes",
        "non-commercial purposes only, derivative works included",
        "https://www.cityscapes-dataset.com/license/",
        commercial_ok=False,
    ),
    "gta5": DataSet(
        "GTA5 (Playing for Data)",
        "research and education only; the pictures are of a game",
        "https://download.visinf.tu-darmstadt.de/data/from_games/",
        commercial_ok=False,
    ),
}
"""Every data set that a record names."""
