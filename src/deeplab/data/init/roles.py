"""What the names of folders and files say: pictures or label maps, and of which split.

People call the folder of label maps `masks`, `labels`, `annotations`, `gt`, `ann_dir`,
`SegmentationClass`, ...; all of these are known here, alone (`images/train`), with a split
(`train_labels`, `trainannot`), and with the split first (`train/masks`).
"""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

Kind = Literal["pictures", "labels", "other", ""]

_PICTURES = frozenset(
    {"images", "image", "imgs", "img", "jpegimages", "pictures", "picture", "pics", "photos"}
    | {"photo", "rgb", "inputs", "input", "leftimg8bit", "frames", "originals", "original", "x"}
)
_LABELS = frozenset(
    {"masks", "mask", "labels", "label", "annotations", "annotation", "annots", "annot", "anns"}
    | {"ann", "gt", "gts", "groundtruth", "truth", "gtfine", "segmentationclass", "targets"}
    | {"segmentationclassaug", "segmentationclasspng", "segmentationclassraw", "seg", "segs"}
    | {"segmentation", "segmentations", "semantic", "target", "labelmaps", "labelmap", "y"}
)
_OTHER = frozenset(
    {"segmentationobject", "instance", "instances", "visualization", "visualizations", "vis"}
    | {"segmentationclassvisualization", "visualisation", "overlay", "overlays", "preview"}
    | {"previews", "depth", "disparity", "prediction", "predictions", "pred", "preds", "results"}
    | {"segmentationclassnpy", "thumbnails"}
)
_SPLITS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing", "tst"),
}
_SPLIT_OF = {word: split for split, words in _SPLITS.items() for word in words}
_JOINED = re.compile(rf"({'|'.join(_SPLIT_OF)})({'|'.join(sorted(_PICTURES | _LABELS))})")

LABEL_WORDS = (
    "masks?|labels?|segs?|segmentations?|gts?|ground_?truth|annots?|annotations?|targets?|L|"
    "(?:gtFine_)?label(?:Train)?Ids"
)
PICTURE_WORDS = "leftImg8bit|images?|imgs?|pictures?|photos?|rgb|sat|orig|original|input|im"
MINOR_WORDS = re.compile(r"instance|colou?r|polygon|vis|overlay|object|rgb", re.IGNORECASE)
"""Words of label maps that are not the ones to learn from, where there are others."""


@dataclass(frozen=True)
class Role:
    """What a folder is by its name, and those above it.

    Attributes:
        kind: What its pictures are; "": its name does not say.
        split: train, val, test; "": its name does not say.
        tree: The names that say the kind, without the splits: label maps of one tree belong
            together.
        base: The part of its path up to the last name that says anything.
        rest: The names that say nothing: pictures and label maps that belong together share them.
    """

    kind: Kind
    split: str
    tree: tuple[str, ...]
    base: PurePath
    rest: tuple[str, ...]


def role_of(folder: PurePath) -> Role:
    """Tell what a folder is.

    Args:
        folder: Its path below the data set's folder.
    """
    kind: Kind = ""
    split, tree, rest, last = "", [], [], 0
    for place, part in enumerate(folder.parts, start=1):
        words = _words(part)
        splits = [_SPLIT_OF[word] for word in words if word in _SPLIT_OF]
        found = _kind_of(words)
        if found:
            kind = "other" if "other" in (kind, found) else found
            tree.append("_".join(word for word in words if word not in _SPLIT_OF))
        if splits:
            split = splits[0]
        if found or splits:
            last = place
        else:
            rest.append(part)
    return Role(kind, split, tuple(tree), PurePath(*folder.parts[:last]), tuple(rest))


def split_of(list_name: str) -> str:
    """Give the split that a list is of, by the name of its file; "": of none.

    `train`, `train_list`, `train_ids` and `train_1464` are `train`; other names keep what else is
    in them (`train_here`), as they may stand beside one another.
    """
    words = _words(list_name)
    known = [word for word in words if word in (*_SPLIT_OF, "trainval", "trainaug")]
    if not known:
        return ""
    plain = ("list", "lists", "id", "ids", "split", "set", "files", "pairs", "names")
    beside = [word for word in words if word not in (*known, *plain) and not word.isdigit()]
    return list_name if beside or len(known) > 1 else _SPLIT_OF.get(known[0], known[0])


def is_held_out(split: str) -> bool:
    """Tell whether a split serves to score: it is of val or test, and not of train too."""
    words = set(_words(split))
    return bool(words & {"val", "test", *_SPLITS["val"], *_SPLITS["test"]}) and not is_train(split)


def is_train(split: str) -> bool:
    """Tell whether a split serves to train."""
    return any(word.startswith("train") for word in _words(split))


def strip_words(stem: str) -> str:
    """Take words like `mask` and `img` off both ends of a name: `mask_001` becomes `001`."""
    words = f"(?:{LABEL_WORDS}|{PICTURE_WORDS})"
    stem = re.sub(rf"^{words}(?:[_\-. ]|(?=\d)|$)", "", stem, flags=re.IGNORECASE)
    return re.sub(rf"[_\-. ]{words}$", "", stem, flags=re.IGNORECASE)


def _kind_of(words: list[str]) -> Kind:
    if _OTHER.intersection(words):
        return "other"
    if _LABELS.intersection(words):  # before pictures: `mask_images` holds masks
        return "labels"
    return "pictures" if _PICTURES.intersection(words) else ""


def _words(name: str) -> list[str]:
    words = [word for word in re.split(r"[_\-. ]+", name.lower()) if word]
    joined = [_JOINED.fullmatch(word) for word in words]
    return [
        part
        for word, match in zip(words, joined, strict=True)
        for part in (match.groups() if match else (word,))
    ]
