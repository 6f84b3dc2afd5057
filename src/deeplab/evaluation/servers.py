"""What the test servers of PASCAL VOC 2012 and of Cityscapes want: names, values, palettes.

VOC (devkit, competition comp6): `results/VOC2012/Segmentation/comp6_test_cls/ID.png`, indexed PNGs
with VOC's palette, labels 0..20. Cityscapes (cityscapesscripts): one single-channel PNG for each
picture, whose name begins with the picture's frame, in label ids, not train ids.
"""

import io
from abc import ABC, abstractmethod
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging
from deeplab.data import Sample
from deeplab.data.cityscapes_files import check_label_ids, frame_of, to_label_ids
from deeplab.labels import CITYSCAPES, CITYSCAPES_IDS, VOC12, VOID, LabelSet, voc_palette

_MOST_SHOWN = 5


class Server(ABC):
    """A test server: how its files are called, and what they hold.

    Attributes:
        label_set: The classes that it scores.
        archive_name: The archive that it takes; None: it takes the files.
    """

    label_set: LabelSet
    archive_name: str | None

    @abstractmethod
    def place(self, sample: Sample) -> PurePosixPath:
        """Say where the label map of a picture goes, below the root of archive or folder."""

    @abstractmethod
    def picture_of(self, place: PurePosixPath) -> str | None:
        """Say which picture a file is of, by its place; None: it belongs to none."""

    @abstractmethod
    def encode(self, labels: imaging.LabelMap) -> bytes:
        """Encode a label map (H, W) of classes as PNG."""

    @abstractmethod
    def check_image(self, image: Image.Image, values: NDArray[Any]) -> None:
        """Refuse what the server would refuse or score wrongly.

        Args:
            image: The file, opened.
            values: What it holds: (H, W), or with channels.

        Raises:
            ValueError: Says what is wrong, without the file's name.
        """


class VocServer(Server):
    """PASCAL VOC 2012, segmentation, competition comp6 (any training data)."""

    label_set = VOC12
    archive_name = "comp6.tgz"
    folder = PurePosixPath("results/VOC2012/Segmentation/comp6_test_cls")
    """Where the files are; the archive's root is `results`."""

    def place(self, sample: Sample) -> PurePosixPath:
        """See `Server`."""
        return self.folder / f"{sample.name}.png"

    def picture_of(self, place: PurePosixPath) -> str | None:
        """See `Server`."""
        return place.stem if place.parent == self.folder and place.suffix == ".png" else None

    def encode(self, labels: imaging.LabelMap) -> bytes:
        """See `Server`."""
        return drawing.encode_label_map(labels, voc_palette())

    def check_image(self, image: Image.Image, values: NDArray[Any]) -> None:
        """See `Server`."""
        if image.mode != "P":
            raise ValueError(f"a {image.mode} picture; an indexed PNG with VOC's palette is wanted")
        found = np.unique(values)
        if VOID in found:
            raise ValueError(f"holds {VOID} (void), which must not occur: every pixel has a class")
        strange = found[found >= len(VOC12.class_names)].tolist()
        if strange:
            raise ValueError(
                f"labels {_some(strange)}; allowed are 0..{len(VOC12.class_names) - 1}"
            )
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        expected = np.array(VOC12.palette, np.uint8)
        if found[-1] >= len(palette) or not np.array_equal(palette[found], expected[found]):
            raise ValueError("its palette is not VOC's")


class CityscapesServer(Server):
    """Cityscapes, pixel-level semantic labelling."""

    label_set = CITYSCAPES
    archive_name = None

    def place(self, sample: Sample) -> PurePosixPath:
        """See `Server`.

        Raises:
            ValueError: The picture does not have a name of Cityscapes.
        """
        frame = frame_of(sample.picture_path.name)
        if frame is None:
            raise ValueError(
                f"{sample.picture_path}: Cityscapes calls its pictures <city>_<6 digits>_<6 digits>"
                "_leftImg8bit.png, and its server knows them by these names"
            )
        return PurePosixPath("results", f"{frame}_labelIds.png")

    def picture_of(self, place: PurePosixPath) -> str | None:
        """See `Server`."""
        return frame_of(place.name) if place.suffix == ".png" else None

    def encode(self, labels: imaging.LabelMap) -> bytes:
        """See `Server`."""
        encoded = io.BytesIO()
        Image.fromarray(to_label_ids(labels)).save(encoded, format="PNG", compress_level=6)
        return encoded.getvalue()

    def check_image(self, image: Image.Image, values: NDArray[Any]) -> None:
        """See `Server`."""
        if image.mode not in ("L", "P"):
            raise ValueError(f"a {image.mode} picture; a PNG of one channel and 8 bits is wanted")
        check_label_ids(values, "its values")
        found = np.unique(values).tolist()
        unscored = sorted(set(found) - set(CITYSCAPES_IDS))
        if unscored and max(found) < len(CITYSCAPES_IDS):
            raise ValueError(
                f"no value is above 18, and {_some(unscored)} are ids that are never scored: these "
                "look like train ids; the server wants label ids"
            )


def find_server(label_set: LabelSet) -> Server:
    """Find the test server of a data set by its classes.

    Raises:
        ValueError: There is none that we know.
    """
    servers = (VocServer(), CityscapesServer())
    for server in servers:
        if server.label_set.class_names == label_set.class_names:
            return server
    known = " and ".join(server.label_set.name for server in servers)
    raise ValueError(
        f"data set {label_set.name!r} has no test server that we know: submission files are made "
        f"for {known}"
    )


def _some(values: list[int]) -> str:
    return ", ".join(map(str, values[:_MOST_SHOWN])) + (
        ", ..." if len(values) > _MOST_SHOWN else ""
    )
