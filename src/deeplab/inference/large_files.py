"""Files of pictures that are labelled in tiles: written row by row, there whole or not at all.

Label maps are PNG; of TIFF files and rasters they are tiled TIFF files, GeoTIFF where the raster
has a place on earth. Probabilities are TIFF files of one band a class. Overlays of large pictures
are drawn smaller. Polygons are GeoJSON, on the raster's map.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from deeplab import drawing, imaging, whole_files
from deeplab.inference.large import LabelledRows, Progress, label_rows
from deeplab.inference.large_polygons import PolygonFile
from deeplab.inference.large_spool import Spool
from deeplab.inference.outputs import LARGE_SUFFIXES, OUTPUTS, Output, check_outputs
from deeplab.inference.overview import Overview
from deeplab.inference.segmenter import Segmenter
from deeplab.inference.shares import ClassShare, ShareCount
from deeplab.inference.tiling import Tiling
from deeplab.labels import find_classes, is_background, label_dtype, void_of
from deeplab.network_card import NetworkCard
from deeplab.rasters import (
    GeoFile,
    PngFile,
    Raster,
    Reading,
    RowFile,
    RowLayout,
    TiffFile,
    is_raster,
    open_raster,
)

_TIFF_MASK, _TIFF_PROBS = LARGE_SUFFIXES
SUFFIXES: dict[str, str] = {
    "mask": ".mask.png",
    "overlay": ".overlay.jpg",
    "probs": _TIFF_PROBS,
    "cutout": ".cutout.png",
    "geojson": ".geojson",
}


@dataclass(frozen=True)
class LargeResult:
    """What became of a picture that was labelled in tiles.

    Attributes:
        outputs: Its files.
        size: Height and width.
        found: The classes in it, the largest share first; what was not measured does not count.
    """

    outputs: dict[Output, Path]
    size: tuple[int, int]
    found: tuple[ClassShare, ...]


def segment_large(
    segmenter: Segmenter,
    source: Path | BinaryIO | NDArray[np.uint8],
    prefix: Path,
    *,
    outputs: Sequence[Output] = ("mask", "overlay"),
    classes: Sequence[str] = (),
    simplify_px: float = 0,
    tiling: Tiling | None = None,
    reading: Reading | None = None,
    level: int = 0,
    progress: Progress = lambda done, total: None,
) -> LargeResult:
    """Label a picture of any size at full resolution, and write the results as they come.

    Of a file, what is done is kept beside the results until all is: interrupted, the same call goes
    on, and gives what it would have given.

    Args:
        segmenter: See `label_rows`.
        source: A path, an open binary file, or a picture (H, W, bands) uint8.
        prefix: Folder (made if missing) and beginning of the file names.
        outputs: "mask", "overlay", "probs", "cutout" or "geojson", see `large_paths`.
        classes: Names of the classes that results keep; none: all. See `Segmentation.labels_of`.
        simplify_px: See `SaveOptions`.
        tiling: Size of the tiles, or memory for all.
        reading: How stored values become a picture; None: as everywhere.
        level: Of a pyramid in a TIFF file; 0 is the largest.
        progress: Told of every tile.

    Raises:
        ValueError: Not a picture, one that does not fit into the memory, or a wrong setting.
    """
    card, tiling = segmenter.card, tiling or Tiling()
    check_outputs(outputs, classes, card.class_names, simplify_px=simplify_px)
    reading = reading or Reading(card.num_bands)
    paths = large_paths(source, prefix, outputs)
    spool = Spool.beside(prefix, source, reading, level)
    with open_raster(
        source, reading, level=level, memory=tiling.memory, threads=segmenter.threads
    ) as raster:
        rows = label_rows(
            segmenter,
            raster,
            tiling,
            with_probabilities="probs" in outputs,
            with_polygons="geojson" in outputs,
            spool=spool,
            progress=progress,
        )
        count = ShareCount(card.class_names)
        prefix.parent.mkdir(parents=True, exist_ok=True)
        kept = _Kept.choose(card, classes)
        with _files(paths, raster, card, kept, simplify_px, tiling.memory) as files:
            for part in rows:
                count.add(part.labels, part.confidence)
                for file in files:
                    file.add(part)
        spool.remove()
        return LargeResult(paths, (raster.height, raster.width), count.found())


def large_paths(
    source: Path | BinaryIO | NDArray[np.uint8], prefix: Path, outputs: Sequence[Output]
) -> dict[Output, Path]:
    """Name the files of a result.

    Args:
        source: What is labelled; of TIFF files and rasters the mask is a TIFF file.
        prefix: Folder and beginning of the names.
        outputs: What is saved.

    Raises:
        ValueError: An output that pictures in tiles do not have.
    """
    check_large_outputs(outputs)
    suffixes = dict(SUFFIXES)
    if isinstance(source, Path) and is_raster(source):
        suffixes["mask"] = _TIFF_MASK
    return {output: prefix.with_name(prefix.name + suffixes[output]) for output in outputs}


def lacking_outputs(outputs: Sequence[str]) -> list[str]:
    """List those outputs that pictures have, but not in tiles."""
    return [output for output in outputs if output in OUTPUTS and output not in SUFFIXES]


def check_large_outputs(outputs: Sequence[str]) -> None:
    """Check that outputs are such as pictures in tiles have.

    Raises:
        ValueError: One is not.
    """
    for output in outputs:
        if output not in SUFFIXES:
            raise ValueError(
                f"output {output!r} is not made of pictures in tiles, as very large TIFF files "
                f"always are; these have {', '.join(SUFFIXES)}"
            )


class _Rows:
    """A file that takes one kind of rows."""

    def __init__(self, file: RowFile, output: Output, kept: "_Kept") -> None:
        self.file, self._output, self._kept = file, output, kept

    def add(self, part: LabelledRows) -> None:
        if self._output == "mask":
            self.file.write(self._kept.labels[part.labels])
        elif self._output == "cutout":
            self.file.write(drawing.cut_out(part.picture, self._kept.objects[part.labels]))
        else:
            assert part.probabilities is not None
            self.file.write(part.probabilities[..., list(self._kept.bands)])

    def finish(self) -> None:
        self.file.finish()


@contextmanager
def _files(
    paths: dict[Output, Path],
    raster: Raster,
    card: NetworkCard,
    kept: "_Kept",
    simplify_px: float,
    memory: int,
) -> Iterator[list["_Rows | Overview | PolygonFile"]]:
    """Open all files; when all went well finish them, else remove them."""
    with ExitStack() as stack:
        files: list[_Rows | Overview | PolygonFile] = []
        for output, path in paths.items():
            if output == "overlay":
                files.append(Overview(raster.height, raster.width, kept.card))
                continue
            temporary = stack.enter_context(whole_files.there_when_whole(path))
            if output == "geojson":
                polygons = PolygonFile(
                    temporary,
                    raster,
                    class_names=card.class_names,
                    labels=kept.labels,
                    wanted=np.flatnonzero(kept.objects).tolist(),
                    simplify_px=simplify_px,
                    memory=memory,
                )
                stack.callback(polygons.abandon)
                files.append(polygons)
                continue
            file = _open(output, temporary, raster, card, kept.bands)
            stack.callback(file.abandon)
            files.append(_Rows(file, output, kept))
        yield files
        for one in files:
            if isinstance(one, Overview):
                drawn = one.draw()
                with whole_files.there_when_whole(paths["overlay"]) as temporary:
                    drawn.save(temporary, "JPEG", quality=90)
            else:
                one.finish()


def _open(
    output: Output, path: Path, raster: Raster, card: NetworkCard, bands: Sequence[int]
) -> RowFile:
    size = (raster.height, raster.width)
    num_classes = len(card.class_names)
    dtype = label_dtype(num_classes)
    if output == "cutout":
        return PngFile(path, RowLayout(*size, num_bands=4))
    if output == "probs":
        layout = RowLayout(*size, num_bands=len(bands))
        if raster.place is None:
            return TiffFile(path, layout)
        names = [card.class_names[label] for label in bands]
        return GeoFile(path, layout, place=raster.place, descriptions=names, scale=1 / 255)
    colours = drawing.colour_table(dtype, card.palette) if dtype is np.uint8 else None
    layout = RowLayout(*size, dtype=dtype, colours=colours)
    if raster.place is not None:
        return GeoFile(path, layout, place=raster.place, nodata=void_of(num_classes))
    kind = TiffFile if _TIFF_MASK in path.name else PngFile
    return kind(path, layout)


@dataclass(frozen=True)
class _Kept:
    """Which classes results keep.

    Attributes:
        labels: What becomes of each label of a label map, void being the last one.
        objects: Which labels cut-outs keep.
        bands: The classes whose probabilities are saved.
        card: Of the network, with the colours of all others black.
    """

    labels: imaging.LabelMap
    objects: NDArray[np.bool_]
    bands: tuple[int, ...]
    card: NetworkCard

    @classmethod
    def choose(cls, card: NetworkCard, classes: Sequence[str]) -> "_Kept":
        names, void = card.class_names, void_of(len(card.class_names))
        every = range(len(names))
        wanted = sorted(set(find_classes(names, classes))) or list(every)
        labels: imaging.LabelMap = np.arange(void + 1).astype(label_dtype(len(names)))
        labels[np.setdiff1d(every, wanted)] = 0 if is_background(0, names) else void
        objects = np.zeros(void + 1, dtype=np.bool_)
        objects[[n for n in wanted if classes or not is_background(n, names)]] = True
        palette = tuple(card.palette[n] if n in wanted else (0, 0, 0) for n in every)
        colours = dataclasses.replace(card, palette=palette)
        return cls(labels, objects, tuple(wanted), colours)
