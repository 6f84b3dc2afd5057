"""What comes out of the `Segmenter`: labels, confidence, probabilities, and their files.

Shapes: K classes, (H, W) the picture.
"""

import dataclasses
import difflib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import imaging
from deeplab.inference.grid import ScoreGrid
from deeplab.labels import Colour, find_classes
from deeplab.weights import NetworkCard

Output = Literal["mask", "overlay", "probs", "cutout"]

OUTPUT_SUFFIXES: dict[Output, str] = {
    "mask": ".mask.png",
    "overlay": ".overlay.jpg",
    "probs": ".probs.npz",
    "cutout": ".cutout.png",
}


@dataclass(frozen=True)
class ClassShare:
    """How much of a picture one class takes.

    Attributes:
        name: Name of the class.
        label: Its index in the label map.
        share: Part of the picture's pixels that carry this label, 0..1.
        confidence: Mean probability of the class over these pixels, 0..1.
    """

    name: str
    label: int
    share: float
    confidence: float


@dataclass(frozen=True, eq=False)
class Segmentation:
    """The label of every pixel of one picture; arrays are read-only.

    Attributes:
        labels: (H, W) index into `class_names`, uint8 or, beyond 255 classes, uint16; the size is
            that of the upright picture.
        class_names: K names.
        palette: K colours, RGB 0..255.
        confidence: (H, W) float32, 0..1: probability of the label given, that is the softmax of
            the scores, or the CRF's marginal.
        picture: (H, W, 3) the picture, RGB, uint8, 0..255.
        grid: The class scores that all this was made from, or the CRF's marginals.
        unrefined: The class scores that went into the CRF; None without a CRF.
    """

    labels: imaging.LabelMap
    class_names: tuple[str, ...]
    palette: tuple[Colour, ...]
    confidence: NDArray[np.float32] = field(repr=False)
    picture: imaging.Picture = field(repr=False)
    grid: ScoreGrid = field(repr=False)
    unrefined: ScoreGrid | None = field(default=None, repr=False)

    @classmethod
    def from_scores(
        cls,
        picture: imaging.Picture,
        grid: ScoreGrid,
        card: NetworkCard,
        *,
        unrefined: ScoreGrid | None = None,
    ) -> "Segmentation":
        """Label every pixel with its highest score.

        Args:
            picture: (H, W, 3).
            grid: Class scores or marginals, with H row and W column positions.
            card: Names and colours of the classes.
            unrefined: The class scores behind marginals.
        """
        labels, confidence = grid.label()
        labels.setflags(write=False)
        confidence.setflags(write=False)
        return cls(
            labels, card.class_names, card.palette, confidence, picture, grid, unrefined=unrefined
        )

    def without_crf(self) -> "Segmentation":
        """Give the result as it is before the CRF, out of the same class scores.

        Raises:
            ValueError: No CRF was used.
        """
        if self.unrefined is None:
            raise ValueError("this result was made without a CRF: there is none to leave out")
        labels, confidence = self.unrefined.label()
        return dataclasses.replace(
            self, labels=labels, confidence=confidence, grid=self.unrefined, unrefined=None
        )

    def found(self) -> tuple[ClassShare, ...]:
        """List the classes that occur, the largest share first."""
        pixels = np.zeros(len(self.class_names))
        confidence = np.zeros(len(self.class_names))
        for label_row, confidence_row in zip(self.labels, self.confidence, strict=True):
            pixels += np.bincount(label_row, minlength=len(pixels))
            confidence += np.bincount(label_row, confidence_row, minlength=len(pixels))
        return tuple(
            ClassShare(
                self.class_names[label],
                int(label),
                float(pixels[label] / self.labels.size),
                float(confidence[label] / pixels[label]),
            )
            for label in np.argsort(-pixels, kind="stable")
            if pixels[label]
        )

    def probabilities(self) -> NDArray[np.float32]:
        """Compute the probability of every class at every pixel: (K, H, W), 0..1."""
        probabilities = np.empty((len(self.class_names), *self.labels.shape), dtype=np.float32)
        for band, values in self.grid.probability_bands():
            probabilities[:, band] = values
        return probabilities

    def overlay(self, *, opacity: float = 0.5) -> Image.Image:
        """Draw the labels' colours over the picture; black ones (background) let it through.

        Args:
            opacity: 0 shows the picture alone, 1 the colours alone.
        """
        drawn = imaging.overlay(self.picture, self.labels, self.palette, opacity=opacity)
        return Image.fromarray(drawn)

    def cutout(self, classes: Sequence[str] = ()) -> Image.Image:
        """Cut objects out: RGBA, transparent (and black) elsewhere.

        Args:
            classes: Names of the classes to keep; none means all but the first, the background.

        Raises:
            ValueError: Unknown class name.
        """
        kept = np.ones(len(self.class_names), dtype=np.bool_)
        kept[0] = False
        if classes:
            kept[:] = False
            kept[list(find_classes(self.class_names, classes))] = True
        return Image.fromarray(imaging.cut_out(self.picture, kept[self.labels]))

    def save(
        self,
        prefix: str | Path,
        *,
        outputs: Sequence[Output] = ("mask", "overlay"),
        classes: Sequence[str] = (),
    ) -> dict[Output, Path]:
        """Save files named after `prefix`: "out/cat" makes out/cat.mask.png and so on.

        Args:
            prefix: Folder (made if missing) and beginning of the file names.
            outputs: "mask" (.mask.png: label map with palette), "overlay" (.overlay.jpg),
                "probs" (.probs.npz: `probabilities` (K, H, W) float16, those below 0.00006 as 0,
                and `class_names`),
                "cutout" (.cutout.png: see `cutout`).
            classes: What the cut-out keeps; only with "cutout".

        Returns:
            The path of each output.

        Raises:
            ValueError: Unknown output or class.
        """
        check_outputs(outputs, classes, self.class_names)
        paths = output_paths(Path(prefix), outputs)
        Path(prefix).parent.mkdir(parents=True, exist_ok=True)
        for output, path in paths.items():
            if output == "mask":
                imaging.write_label_map(path, self.labels, self.palette)
            elif output == "overlay":
                _write_image(path, self.overlay())
            elif output == "cutout":
                _write_image(path, self.cutout(classes))
            else:
                imaging.write_atomically(path, self._write_probabilities)
        return paths

    def _write_probabilities(self, file: BinaryIO) -> None:
        """Write what `np.load` reads, one class at a time: all of them would not fit in memory."""
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            names = io.BytesIO()
            np.save(names, np.array(self.class_names))
            archive.writestr("class_names.npy", names.getvalue())
            with archive.open("probabilities.npy", "w", force_zip64=True) as member:
                shape = (len(self.class_names), *self.labels.shape)
                header = {"descr": "<f2", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                for rows in self.grid.probabilities_by_class():
                    member.write(_as_float16(rows))


def check_outputs(
    outputs: Sequence[str], classes: Sequence[str], class_names: Sequence[str]
) -> None:
    """Check what is to be saved before any work is done.

    Args:
        outputs: What to save, see `Segmentation.save`.
        classes: What the cut-out keeps.
        class_names: The classes that exist.

    Raises:
        ValueError: Unknown output or class, or classes without a cut-out.
    """
    known = get_args(Output)
    for output in outputs:
        if output not in known:
            near = difflib.get_close_matches(output, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown output {output!r}: {hint}outputs are {', '.join(known)}")
    if not outputs:
        raise ValueError(f"nothing to save: outputs are {', '.join(known)}")
    if classes and "cutout" not in outputs:
        raise ValueError("classes choose what the cut-out keeps: save 'cutout' too, or drop them")
    find_classes(class_names, classes)


def output_paths(prefix: Path, outputs: Sequence[Output]) -> dict[Output, Path]:
    """Name the files of a result.

    Args:
        prefix: Folder and beginning of the names; "out/cat" gives out/cat.mask.png.
        outputs: What is saved.
    """
    return {output: prefix.with_name(prefix.name + OUTPUT_SUFFIXES[output]) for output in outputs}


def _as_float16(probabilities: NDArray[np.float32]) -> bytes:
    # Below its smallest normal number, float16 takes 10x the time and 4x the space on disk.
    probabilities[probabilities < np.finfo(np.float16).smallest_normal] = 0
    return probabilities.astype("<f2").tobytes()


def _write_image(path: Path, image: Image.Image) -> None:
    def write(file: BinaryIO) -> None:
        if path.suffix == ".jpg":
            image.save(file, format="JPEG", quality=90)
        else:
            image.save(file, format="PNG", compress_level=1)

    imaging.write_atomically(path, write)
