"""Write a picture and its label map into a copy, mended."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging, whole_files
from deeplab.data.checks import kinds
from deeplab.data.checks.survey import PictureFacts
from deeplab.data.checks.verdicts import Verdict
from deeplab.data.findings import Kind
from deeplab.data.place import place_file
from deeplab.labels import LabelSet

_JPEG_QUALITY = 95


@dataclass(frozen=True)
class Mended:
    """One thing that was done.

    Attributes:
        split: Of the picture.
        name: The picture.
        fault: The name of the kind of fault.
        done: What was done about it.
    """

    split: str
    name: str
    fault: str
    done: str


@dataclass(frozen=True)
class Job:
    """One picture that is written with its label map.

    Attributes:
        split: Its split in the copy.
        name: Its name there.
        picture_path: The picture as it is.
        picture: What is known of it.
        label_path: Its label map as it is, if it has one.
        labels_size: Height and width of that.
        verdict: What is wrong with that.
        target_dir: The copy.
        label_set: The classes of the copy.
        is_plain: Whether label maps without fault hold label ids, and need not be written anew.
    """

    split: str
    name: str
    picture_path: Path
    picture: PictureFacts
    label_path: Path | None
    labels_size: tuple[int, int]
    verdict: Verdict | None
    target_dir: Path
    label_set: LabelSet
    is_plain: bool

    def write(self) -> list[Mended]:
        """Write both; tell what was mended."""
        done = self._write_picture()
        if self.label_path is not None and self.verdict is not None:
            done += self._write_labels(self.label_path, self.verdict)
        return [Mended(self.split, self.name, fault, what) for fault, what in done]

    def _write_picture(self) -> list[tuple[str, str]]:
        folder = self.target_dir / "images" / self.split
        suffix = self.picture_path.suffix
        if self.picture.orientation == 1:
            place_file(self.picture_path, folder / f"{self.name}{suffix}")
            return []
        is_jpeg = suffix.lower() in (".jpg", ".jpeg")
        path = folder / f"{self.name}{suffix if is_jpeg else '.png'}"
        upright = Image.fromarray(imaging.read_picture(self.picture_path))
        encoded = io.BytesIO()
        if is_jpeg:
            upright.save(encoded, "JPEG", quality=_JPEG_QUALITY, subsampling=0)
        else:
            upright.save(encoded, "PNG")
        write_file(path, encoded.getvalue())
        return [(kinds.TURNED_PHOTO.name, "photo written upright")]

    def _write_labels(self, label_path: Path, verdict: Verdict) -> list[tuple[str, str]]:
        path = self.target_dir / "masks" / self.split / f"{self.name}.png"
        fits = self.labels_size == self.picture.size
        if fits and not verdict.kinds and self.is_plain and label_path.suffix == ".png":
            place_file(label_path, path)
            return []
        faults = [kind for kind in verdict.kinds if kind is not kinds.OUT_OF_RANGE]
        done = [(kind.name, _what_is_done(kind)) for kind in faults]
        assert verdict.recoding is not None  # those without are left out
        labels, num_unknown = verdict.recoding.read(label_path, len(self.label_set.class_names))
        if num_unknown:
            fault = verdict.kinds[0] if verdict.kinds else kinds.OUT_OF_RANGE
            done.append((fault.name, f"{num_unknown} pixels become void"))
        if not fits and self.labels_size == self.picture.stored_size:
            labels = turn_upright(labels, self.picture.orientation)
            done.append((kinds.TURNED_LABELS.name, "label map turned as its photo"))
        elif not fits:
            labels = resize_nearest(labels, self.picture.size)
            done.append((kinds.SIZES_DIFFER.name, "label map resized with nearest neighbour"))
        write_file(path, drawing.encode_label_map(labels, self.label_set.palette))
        return done


def turn_upright(labels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """Turn an array (H, W) as the EXIF orientation 1..8 says."""
    if orientation >= 5:
        labels = labels.T
    if orientation in (2, 3, 6, 7):
        labels = labels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        labels = labels[::-1]
    return np.ascontiguousarray(labels)


def resize_nearest(labels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """Resize an array (h, w) to (H, W), each pixel that of the nearest centre."""
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new).astype(np.intp)
        for new, old in zip(size, labels.shape, strict=True)
    )
    return np.asarray(labels[rows[:, np.newaxis], columns])


def _what_is_done(kind: Kind) -> str:
    return kind.remedy.partition(";")[0].partition(", else")[0]


def write_file(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_files.write_atomically(path, lambda file: file.write(content))
