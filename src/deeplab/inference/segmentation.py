"""What comes out of the `Segmenter`: labels, confidence, probabilities, and their files.

Shapes: K classes, (H, W) the picture.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, imaging
from deeplab.inference.grid import ScoreGrid
from deeplab.inference.outputs import (
    OUTPUTS,
    Output,
    SaveOptions,
    check_outputs,
    check_picture_outputs,
    output_paths,
)
from deeplab.inference.shares import ClassShare, ShareCount
from deeplab.labels import Colour, find_classes, is_background, void_of
from deeplab.network_card import NetworkCard


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
        picture: (H, W, bands) the picture, uint8, 0..255; three bands are RGB.
        grid: The class scores that all this was made from, or the CRF's marginals.
        unrefined: The class scores that went into the CRF; None without a CRF.
        source: The file of the picture, where annotations find it; None: not from a file.
    """

    labels: imaging.LabelMap
    class_names: tuple[str, ...]
    palette: tuple[Colour, ...]
    confidence: NDArray[np.float32] = field(repr=False)
    picture: imaging.Picture = field(repr=False)
    grid: ScoreGrid = field(repr=False)
    unrefined: ScoreGrid | None = field(default=None, repr=False)
    source: Path | None = field(default=None, repr=False)

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
        count = ShareCount(self.class_names)
        count.add(self.labels, self.confidence)
        return count.found()

    def probabilities(self) -> NDArray[np.float32]:
        """Compute the probability of every class at every pixel: (K, H, W), 0..1."""
        probabilities = np.empty((len(self.class_names), *self.labels.shape), dtype=np.float32)
        for band, values in self.grid.probability_bands():
            probabilities[:, band] = values
        return probabilities

    def kept_labels(self, classes: Sequence[str] = ()) -> tuple[int, ...]:
        """Look up which labels cut-outs and polygons keep: all but the background, unless told.

        Args:
            classes: Names of the classes to keep.

        Raises:
            ValueError: Unknown class name.
        """
        every = range(len(self.class_names))
        objects = tuple(label for label in every if not is_background(label, self.class_names))
        return find_classes(self.class_names, classes) or objects

    def labels_of(self, classes: Sequence[str] = ()) -> imaging.LabelMap:
        """Give the label map with all other classes as background; none keeps it as it is.

        Where class 0 is not the background (as in Cityscapes), other classes become void.

        Args:
            classes: Names of the classes to keep.

        Raises:
            ValueError: Unknown class name.
        """
        if not classes:
            return self.labels
        count = len(self.class_names)
        other = 0 if is_background(0, self.class_names) else void_of(count)
        lookup = np.full(count, other, self.labels.dtype)
        kept = list(self.kept_labels(classes))
        lookup[kept] = kept
        return lookup[self.labels]

    def overlay(self, *, opacity: float = 0.5, classes: Sequence[str] = ()) -> Image.Image:
        """Draw the labels' colours over the picture; black ones (background) let it through.

        Args:
            opacity: 0 shows the picture alone, 1 the colours alone.
            classes: Names of the classes to draw; none means all.

        Raises:
            ValueError: Unknown class name.
        """
        palette = list(self.palette)
        if classes:
            for label in set(range(len(palette))).difference(self.kept_labels(classes)):
                palette[label] = (0, 0, 0)
        return Image.fromarray(drawing.overlay(self.picture, self.labels, palette, opacity=opacity))

    def cutout(self, classes: Sequence[str] = ()) -> Image.Image:
        """Cut objects out: RGBA, transparent (and black) elsewhere.

        Args:
            classes: Names of the classes to keep; none means all but the background.

        Raises:
            ValueError: Unknown class name.
        """
        kept = np.zeros(len(self.class_names), dtype=np.bool_)
        kept[list(self.kept_labels(classes))] = True
        return Image.fromarray(drawing.cut_out(self.picture, kept[self.labels]))

    def save(
        self,
        prefix: str | Path,
        *,
        outputs: Sequence[Output] = ("mask", "overlay"),
        classes: Sequence[str] = (),
        simplify_px: float = 0,
    ) -> dict[Output, Path]:
        """Save files named after `prefix`: "out/cat" makes out/cat.mask.png and so on.

        Args:
            prefix: Folder (made if missing) and beginning of the file names.
            outputs: "mask" (.mask.png: label map with palette), "overlay" (.overlay.jpg),
                "probs" (.probs.npz: `probabilities` (K, H, W) float16, those below 0.00006 as 0,
                and `class_names`),
                "cutout" (.cutout.png: see `cutout`),
                "cutouts" (.cutouts: a folder with a cut-out of each class that occurs),
                "geojson" (.geojson: a polygon for each connected region, in pixels),
                "coco" (.coco.json: the regions as run lengths),
                "labelme" (.json: polygons to go on drawing at in labelme).
            classes: Names of the classes that all of these keep; none: all. See `labels_of`.
            simplify_px: Leave out corners of polygons that lie no farther from the line without
                them; 0 keeps them exact.

        Returns:
            The path of each output.

        Raises:
            ValueError: Unknown output or class, or `simplify_px` without polygons.
        """
        check_outputs(outputs, classes, self.class_names, simplify_px=simplify_px)
        check_picture_outputs(outputs)
        paths = output_paths(Path(prefix), outputs)
        Path(prefix).parent.mkdir(parents=True, exist_ok=True)
        for output, path in paths.items():
            OUTPUTS[output].write(self, path, SaveOptions(tuple(classes), simplify_px))
        return paths
