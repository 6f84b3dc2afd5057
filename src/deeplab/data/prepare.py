"""The data sets that `deeplab data prepare` knows: one entry each, one file each.

Each is read from its official files as they are unpacked, wherever below the source folder these
lie, and checked against the numbers of pictures that the paper gives (arXiv 1606.00915, section 4).
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deeplab.data import cityscapes, coco, pascal_context, person_part, voc12
from deeplab.data.prepared import Options, Prepare, PreparedSet
from deeplab.labels import (
    CITYSCAPES,
    COCO91,
    COCO_VOC20,
    PASCAL_CONTEXT,
    PERSON_PART,
    VOC12,
    LabelSet,
)


@dataclass(frozen=True)
class Archive:
    """A file of a data set that is free to fetch.

    Attributes:
        url: Where it is.
        md5: The checksum that its content must have.
    """

    url: str
    md5: str

    @property
    def file_name(self) -> str:
        """The last part of the address."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True)
class KnownSet:
    """A data set that can be prepared.

    Attributes:
        label_set: Its classes, as they are written.
        prepare: Reads its official files.
        sources: Where the official files come from, in a line for people.
        offers_skip_empty: Whether pictures without any object can be left out.
        archives: What can be fetched; none: the set asks for an account or an agreement, or no
            checksum is known.
    """

    label_set: LabelSet
    prepare: Prepare
    sources: str
    offers_skip_empty: bool = False
    archives: tuple[Archive, ...] = ()


_COCO = (
    "COCO 2017: annotations/instances_train2017.json and instances_val2017.json "
    "(annotations_trainval2017.zip), train2017.zip and val2017.zip, unpacked"
)

SETS: Mapping[str, KnownSet] = {
    "voc12": KnownSet(
        VOC12,
        voc12.prepare,
        "VOCdevkit/VOC2012 (VOCtrainval_11-May-2012.tar) and SBD (benchmark.tgz), unpacked",
        archives=(
            Archive(
                "https://thor.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar",
                "6cd6e144f989b92b3379bac3b3de84fd",
            ),
            Archive(
                "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/"
                "semantic_contours/benchmark.tgz",
                "82b4d87ceb2ed10f6038a1cba92111cb",
            ),
        ),
    ),
    "pascal-context": KnownSet(
        PASCAL_CONTEXT,
        pascal_context.prepare,
        "PASCAL-Context (trainval.tar.gz) and VOCdevkit/VOC2010 (VOCtrainval_03-May-2010.tar), "
        "unpacked",
        archives=(
            Archive(
                "https://thor.robots.ox.ac.uk/pascal/VOC/voc2010/VOCtrainval_03-May-2010.tar",
                "da459979d0c395079b5c75ee67908abb",
            ),
            Archive(
                "https://cs.stanford.edu/~roozbeh/pascal-context/trainval.tar.gz",
                "df034edb2c12aa7d33b42b20bb1796e3",
            ),
        ),
    ),
    "person-part": KnownSet(
        PERSON_PART,
        person_part.prepare,
        "PASCAL-Part (Annotations_Part), VOCdevkit/VOC2010 and the lists train_id.txt and "
        "val_id.txt of Person-Part",
    ),
    "cityscapes": KnownSet(
        CITYSCAPES,
        cityscapes.prepare,
        "leftImg8bit and gtFine (leftImg8bit_trainvaltest.zip, gtFine_trainvaltest.zip), unpacked",
    ),
    "coco91": KnownSet(COCO91, coco.prepare_coco91, _COCO, offers_skip_empty=True),
    "coco-voc20": KnownSet(COCO_VOC20, coco.prepare_coco_voc20, _COCO, offers_skip_empty=True),
}
"""All of them, by the names that people type."""


def prepare(name: str, source_dir: Path, target_dir: Path, options: Options) -> PreparedSet:
    """Prepare a data set of the paper from its official files.

    Args:
        name: One of `SETS`.
        source_dir: Folder that holds the official files, unpacked.
        target_dir: Where the prepared set goes; what is there already is kept if it is the same.
        options: See there.

    Raises:
        ValueError: Unknown set, an option that the set does not offer, or files that are missing
            or wrong.
    """
    known = find_set(name)
    if options.skip_empty and not known.offers_skip_empty:
        raise ValueError(f"{name} has no pictures without objects to skip: leave out --skip-empty")
    if not source_dir.is_dir():
        raise ValueError(f"--from {source_dir}: no such folder; it holds {known.sources}")
    if target_dir.resolve() == source_dir.resolve():
        raise ValueError(
            f"--to {target_dir} is where the official files are; give another folder (pictures are "
            "linked, not copied, where the disk allows it)"
        )
    return known.prepare(source_dir, target_dir, options)


def find_set(name: str) -> KnownSet:
    """Look up a data set by name.

    Raises:
        ValueError: Unknown; the message gives the nearest name and all that exist.
    """
    if name in SETS:
        return SETS[name]
    near = difflib.get_close_matches(name, SETS, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ValueError(f"unknown data set {name!r}: {hint}known are {', '.join(SETS)}")
