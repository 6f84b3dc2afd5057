"""Which files a result can be saved as, and who writes them: one line of `OUTPUTS` each."""

import difflib
import io
import os
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from deeplab import drawing, whole_files
from deeplab.inference import annotations
from deeplab.labels import find_classes

if TYPE_CHECKING:
    from deeplab.inference.segmentation import Segmentation

Output = Literal[
    "mask", "overlay", "probs", "cutout", "cutouts", "geojson", "coco", "labelme", "masks"
]

VIDEO_OUTPUTS: dict[Output, str] = {
    "mask": ".mask.mkv",
    "overlay": ".overlay.mp4",
    "masks": ".masks",
}
"""The outputs of videos, and what their names end with; see `video.WRITERS`."""


@dataclass(frozen=True)
class SaveOptions:
    """What one may want of outputs.

    Attributes:
        classes: Names of the classes to keep; none: all (of cut-outs and polygons, all but the
            background).
        simplify_px: How far corners that are left out of polygons may lie from the line without
            them; 0: polygons are exact.
    """

    classes: tuple[str, ...] = ()
    simplify_px: float = 0


@dataclass(frozen=True)
class OutputKind:
    """One kind of file.

    Attributes:
        suffix: What its name ends with, behind the prefix.
        write: Writes it, whole or not at all.
    """

    suffix: str
    write: Callable[["Segmentation", Path, SaveOptions], None]


def check_outputs(
    outputs: Sequence[str],
    classes: Sequence[str],
    class_names: Sequence[str],
    *,
    simplify_px: float = 0,
) -> None:
    """Check what is to be saved before any work is done.

    Args:
        outputs: What to save, see `Segmentation.save`.
        classes: Which classes to keep.
        class_names: The classes that exist.
        simplify_px: See `SaveOptions`.

    Raises:
        ValueError: Unknown output or class, or polygons are to be simplified where none are saved.
    """
    known = get_args(Output)
    for output in outputs:
        if output not in known:
            near = [
                *difflib.get_close_matches(output, OUTPUTS, n=1),
                *difflib.get_close_matches(output, VIDEO_OUTPUTS, n=1),
            ]
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise ValueError(f"unknown output {output!r}: {hint}outputs are {', '.join(known)}")
    if not outputs:
        raise ValueError(f"nothing to save: outputs are {', '.join(known)}")
    find_classes(class_names, classes)
    if not (np.isfinite(simplify_px) and simplify_px >= 0):
        raise ValueError(f"simplify {simplify_px:g}: give pixels, 0 (exact) or more")
    if simplify_px and not {"geojson", "labelme"} & set(outputs):
        raise ValueError(
            f"simplify {simplify_px:g} is of polygons: save 'geojson' or 'labelme' too, or drop it"
        )


def check_picture_outputs(outputs: Sequence[str]) -> None:
    """Check that outputs are such as a picture has.

    Raises:
        ValueError: One is of videos alone.
    """
    for output in outputs:
        if output not in OUTPUTS:
            raise ValueError(f"output {output!r} is of videos; pictures have {', '.join(OUTPUTS)}")


def check_video_outputs(outputs: Sequence[str]) -> None:
    """Check that outputs are such as a video has.

    Raises:
        ValueError: There is none, or one is of pictures alone.
    """
    known = ", ".join(VIDEO_OUTPUTS)
    if not outputs:
        raise ValueError(f"nothing to save: outputs of videos are {known}")
    for output in outputs:
        if output not in VIDEO_OUTPUTS:
            raise ValueError(f"output {output!r} is of pictures; videos have {known}")


def output_paths(prefix: Path, outputs: Sequence[Output]) -> dict[Output, Path]:
    """Name the files of a result.

    Args:
        prefix: Folder and beginning of the names; "out/cat" gives out/cat.mask.png.
        outputs: What is saved.
    """
    return {output: prefix.with_name(prefix.name + OUTPUTS[output].suffix) for output in outputs}


def video_output_paths(prefix: Path, outputs: Sequence[Output]) -> dict[Output, Path]:
    """Name the files of a video's result, as `output_paths` does those of a picture."""
    return {output: prefix.with_name(prefix.name + VIDEO_OUTPUTS[output]) for output in outputs}


def output_of(name: str) -> Output | None:
    """Tell which output a file, or a folder, is by its name; None: it is no result."""
    suffix = max(filter(name.endswith, _OUTPUT_OF_SUFFIX), key=len, default=None)
    return None if suffix is None else _OUTPUT_OF_SUFFIX[suffix]


def file_names(class_names: Sequence[str]) -> tuple[str, ...]:
    """Make names of files of names of classes: without signs that no file may have, all different.

    Compared without regard to case: on some file systems Cat and cat are one file.
    """
    plain = [re.sub(r"[^\w .+-]", "_", name).strip(" .") or "_" for name in class_names]
    counts = Counter(name.casefold() for name in plain)
    return tuple(
        name if counts[name.casefold()] == 1 else f"{name}-{label}"
        for label, name in enumerate(plain)
    )


def write_folder(path: Path, fill: Callable[[Path], object]) -> None:
    """Make a folder that is there whole or not at all, in the place of an older one.

    Args:
        path: Where it shall be.
        fill: Puts files into the folder that it is given.
    """
    unfinished = whole_files.temporary_path(path)
    unfinished.mkdir()
    try:
        fill(unfinished)
        replace_folder(unfinished, path)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def replace_folder(finished: Path, path: Path) -> None:
    """Give a folder its name, in the place of an older one."""
    if path.is_dir():
        shutil.rmtree(path)
    os.replace(finished, path)


def _write_mask(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    drawing.write_label_map(path, result.labels_of(options.classes), result.palette)


def _write_overlay(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    image = result.overlay(classes=options.classes)
    encoded = io.BytesIO()
    image.save(encoded, format="JPEG", quality=90)
    _write_encoded(path, encoded)


def _write_cutout(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    _write_png(path, result.cutout(options.classes))


def _write_cutouts(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    """Write a folder with a cut-out of each class that is kept and occurs."""
    names = file_names(result.class_names)

    def fill(folder: Path) -> None:
        kept = result.kept_labels(options.classes)
        for label in np.intersect1d(np.unique(result.labels), kept).tolist():
            cutout = result.cutout((result.class_names[label],))
            _write_png(folder / f"{names[label]}.png", cutout)

    write_folder(path, fill)


def _write_geojson(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    found = annotations.geojson(_objects(result, path, options), tolerance_px=options.simplify_px)
    annotations.write_json(path, found)


def _write_coco(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    annotations.write_json(path, annotations.coco(_objects(result, path, options)))


def _write_labelme(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    found = annotations.labelme(_objects(result, path, options), tolerance_px=options.simplify_px)
    annotations.write_json(path, found)


def _objects(result: "Segmentation", path: Path, options: SaveOptions) -> annotations.Objects:
    name = path.name.removesuffix("".join(path.suffixes))
    if result.source is not None:
        name = annotations.path_from(path, result.source)
    return annotations.Objects.find(
        result.labels_of(options.classes),
        result.confidence,
        result.class_names,
        wanted=result.kept_labels(options.classes),
        picture=name,
    )


def _write_probabilities(result: "Segmentation", path: Path, options: SaveOptions) -> None:
    """Write what `np.load` reads, one class at a time: all of them would not fit in memory."""
    height, width = result.labels.shape
    wanted = find_classes(result.class_names, options.classes) or range(len(result.class_names))
    labels = sorted(set(wanted))

    def write(file: BinaryIO) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            names = io.BytesIO()
            np.save(names, np.array(result.class_names)[labels])
            archive.writestr("class_names.npy", names.getvalue())
            with archive.open("probabilities.npy", "w", force_zip64=True) as member:
                shape = (len(labels), height, width)
                header = {"descr": "<f2", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                num_rows = 0
                for rows in result.grid.probabilities_by_class():
                    if num_rows // height in labels:
                        member.write(_as_float16(rows))
                    num_rows += len(rows)

    whole_files.write_atomically(path, write)


def _as_float16(probabilities: NDArray[np.float32]) -> bytes:
    # Below its smallest normal number, float16 takes 10x the time and 4x the space on disk.
    probabilities[probabilities < np.finfo(np.float16).smallest_normal] = 0
    return probabilities.astype("<f2").tobytes()


def _write_png(path: Path, image: Image.Image) -> None:
    encoded = io.BytesIO()
    image.save(encoded, format="PNG", compress_level=1)
    _write_encoded(path, encoded)


def _write_encoded(path: Path, encoded: io.BytesIO) -> None:
    # Pillow itself does not notice where a full disk takes only a part of a file.
    whole_files.write_atomically(path, lambda file: file.write(encoded.getbuffer()))


OUTPUTS: dict[Output, OutputKind] = {
    "mask": OutputKind(".mask.png", _write_mask),
    "overlay": OutputKind(".overlay.jpg", _write_overlay),
    "probs": OutputKind(".probs.npz", _write_probabilities),
    "cutout": OutputKind(".cutout.png", _write_cutout),
    "cutouts": OutputKind(".cutouts", _write_cutouts),
    "geojson": OutputKind(".geojson", _write_geojson),
    "coco": OutputKind(".coco.json", _write_coco),
    "labelme": OutputKind(".json", _write_labelme),  # where labelme itself looks for it
}
"""The outputs of pictures."""

LARGE_SUFFIXES = (".mask.tif", ".probs.tif")
"""How the names of results end that only pictures in tiles have, see `large_files`."""

_OUTPUT_OF_SUFFIX: dict[str, Output] = {
    **{kind.suffix: output for output, kind in OUTPUTS.items()},
    **{suffix: output for output, suffix in VIDEO_OUTPUTS.items()},
    LARGE_SUFFIXES[0]: "mask",
    LARGE_SUFFIXES[1]: "probs",
}

RESULT_SUFFIXES = tuple(_OUTPUT_OF_SUFFIX)
"""What names of results end with."""
