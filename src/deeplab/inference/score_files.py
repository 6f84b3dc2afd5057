"""Class scores from anywhere: npz and npy files in the place of a network.

Shapes: K classes, (H, W) the picture, (h, w) the score grid.
"""

import dataclasses
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import imaging
from deeplab.crf import DenseCRF
from deeplab.inference.grid import ScoreGrid
from deeplab.inference.scored import ScoredPicture, positions_on
from deeplab.inference.segmentation import Segmentation
from deeplab.inference.segmenter import label_picture
from deeplab.labels import MOST_CLASSES, VOC12, named
from deeplab.network_card import NetworkCard

_SCORE_KEYS = ("scores", "class_scores", "logits")
_PROBABILITY_KEYS = ("probabilities", "probs", "softmax")
_SUM_TOLERANCE = 0.02  # float16, and the values below 0.00006 that our own files leave out


@dataclass(frozen=True, eq=False)
class ScoreFile:
    """Class scores as they lie in a file.

    Attributes:
        scores: (K, h, w) float32 class scores, or probabilities.
        are_probabilities: Which of the two.
        size: (H, W) of the picture, if the file tells.
        class_names: K names, if the file tells.
        reading: What the numbers were taken for, in words.
    """

    scores: NDArray[np.float32]
    are_probabilities: bool
    size: tuple[int, int] | None
    class_names: tuple[str, ...] | None
    reading: str


def read_scores(path: Path, *, key: str | None = None) -> ScoreFile:
    """Read class scores or probabilities (K, h, w) from a `.npz` or `.npy` file.

    In an npz they are called `scores`, `class_scores` or `logits`, or `probabilities`, `probs` or
    `softmax`; under other names, values of 0..1 that add up to 1 are taken for probabilities.
    `size` (H, W) and `class_names` are read too.

    Args:
        path: The file.
        key: Which array of an npz to take.

    Raises:
        ValueError: No such file, another kind of file, or no array that can be class scores.
    """
    arrays = _load(path)
    name = key or _only_key(arrays, path)
    if name not in arrays:
        raise ValueError(f"{path}: no array {name!r}; there are {', '.join(arrays)}")
    scores = arrays[name]
    if scores.ndim != 3 or scores.dtype.kind not in "fiu" or not 2 <= len(scores) <= MOST_CLASSES:
        raise ValueError(
            f"{path}: {name} is {scores.dtype} of shape {scores.shape}; class scores are numbers "
            f"of shape (classes, rows, columns), with 2 to {MOST_CLASSES} classes"
        )
    scores = scores.astype(np.float32)
    if not np.isfinite(scores).all():
        raise ValueError(f"{path}: {name} holds NaN or infinite values")
    is_named_so = name in _PROBABILITY_KEYS
    are_probabilities = is_named_so or (name not in _SCORE_KEYS and _add_up_to_one(scores))
    if is_named_so and not _add_up_to_one(scores):
        raise ValueError(
            f"{path}: {name} are not probabilities: they leave 0..1, or do not add up to 1 over "
            f"the classes; class scores before softmax are called {' or '.join(_SCORE_KEYS)}"
        )
    if are_probabilities:
        scores /= scores.sum(axis=0)
    return ScoreFile(
        scores,
        are_probabilities,
        _size(arrays),
        tuple(map(str, arrays["class_names"])) if "class_names" in arrays else None,
        f"{name} {scores.shape} as "
        + ("probabilities" if are_probabilities else "class scores before softmax"),
    )


def place_scores(
    file: ScoreFile,
    picture: imaging.Picture,
    *,
    stride: int | None = None,
    longest_side: int | None = None,
    threads: int | None = None,
) -> tuple[ScoredPicture, str]:
    """Lay scores over their picture.

    Args:
        file: The scores.
        picture: (H, W, 3).
        stride: Pixels from one score to the next, the first one on pixel (0, 0); the grid may go
            on beyond the picture, as that of a padded one does. None: the corner scores lie on the
            corner pixels.
        longest_side: Pixels; a CRF sees a larger picture shrunk to it. None: as it is.
        threads: See `ScoreGrid`.

    Returns:
        The picture with its scores, and what was assumed about the place of these, in words.

    Raises:
        ValueError: The scores cannot be those of this picture.
    """
    height, width = picture.shape[:2]
    rows, columns = file.scores.shape[1:]
    _check_size(file, (height, width), stride)
    if stride is not None:
        steps = (1 / stride, 1 / stride)
        place = f"one score every {stride} pixels from the top left one on"
    else:
        steps = ((rows - 1) / max(height - 1, 1), (columns - 1) / max(width - 1, 1))
        place = "a score for every pixel"
        if (rows, columns) != (height, width):
            place = f"the corners of {columns}x{rows} scores on those of {width}x{height} pixels"
    seen = picture if longest_side is None else imaging.shrink_picture(picture, longest_side)
    axes = [
        (np.arange(length) * step, positions_on(shorter, length) * step)
        for length, shorter, step in zip(picture.shape[:2], seen.shape[:2], steps, strict=True)
    ]
    (rows_of, seen_rows_of), (columns_of, seen_columns_of) = axes
    grid = ScoreGrid(file.scores, rows_of, columns_of, file.are_probabilities, threads)
    seen_grid = dataclasses.replace(grid, rows=seen_rows_of, columns=seen_columns_of)
    return ScoredPicture(picture, seen, grid, seen_grid), place


def describe_classes(num_classes: int, class_names: tuple[str, ...] | None = None) -> NetworkCard:
    """Make a card for scores that bring none: names and colours, the rest empty.

    Args:
        num_classes: K.
        class_names: K names; None: those of PASCAL VOC if K is 21, else numbers.

    Raises:
        ValueError: There are not K names.
    """
    if class_names is None:
        numbers = tuple(f"class {label}" for label in range(num_classes))
        class_names = VOC12.class_names if num_classes == len(VOC12.class_names) else numbers
    if len(class_names) != num_classes:
        raise ValueError(f"scores of {num_classes} classes, but {len(class_names)} class names")
    labels = named(class_names)
    return NetworkCard("stored scores", labels.class_names, labels.palette, 1, "", {})


class ScoreFolder:
    """Scores in files, in the place of a network: `FOLDER/NAME.npz` for the picture `NAME.jpg`.

    Args:
        folder: Where the files are.
        class_names: The K classes.
        stride: See `place_scores`.
        crf: Refine the scores with it.
        threads: See `ScoreGrid`; the CRF has a number of its own.

    Raises:
        ValueError: No such folder.
    """

    def __init__(
        self,
        folder: Path,
        class_names: tuple[str, ...],
        *,
        stride: int | None = None,
        crf: DenseCRF | None = None,
        threads: int | None = None,
    ) -> None:
        if not folder.is_dir():
            raise ValueError(f"scores {folder}: no such folder")
        self.card = describe_classes(len(class_names), class_names)
        self._folder = folder
        self._stride = stride
        self._crf = crf
        self._threads = threads

    def __contains__(self, picture_path: Path) -> bool:
        """Say whether there is a file for this picture."""
        return self._path(picture_path).is_file()

    def __call__(self, picture_path: Path) -> Segmentation:
        """Label every pixel of a picture by its scores."""
        return label_picture(self.score(picture_path), self.card, self._crf)

    def score(self, picture_path: Path) -> ScoredPicture:
        """Read a picture and its scores.

        Raises:
            ValueError: One of the files is missing or damaged, or they do not belong together.
        """
        path = self._path(picture_path)
        file = read_scores(path)
        if len(file.scores) != len(self.card.class_names):
            raise ValueError(
                f"{path}: scores of {len(file.scores)} classes, but there are "
                f"{len(self.card.class_names)}"
            )
        try:
            picture = imaging.read_picture(picture_path)
            return place_scores(file, picture, stride=self._stride, threads=self._threads)[0]
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error

    def _path(self, picture_path: Path) -> Path:
        return self._folder / f"{picture_path.stem}.npz"


def _load(path: Path) -> dict[str, NDArray[Any]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    try:
        with path.open("rb") as opened:
            loaded = np.load(opened, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return {path.stem: loaded}
            return {name: loaded[name] for name in loaded.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: not an npz or npy file of numbers ({error})") from error


def _only_key(arrays: Mapping[str, NDArray[Any]], path: Path) -> str:
    known = [name for name in (*_SCORE_KEYS, *_PROBABILITY_KEYS) if name in arrays]
    possible = known or [name for name, array in arrays.items() if array.ndim == 3]
    if len(possible) != 1:
        raise ValueError(
            f"{path}: {len(possible) or 'none'} of {', '.join(arrays) or 'no arrays'} can be class "
            f"scores (classes, rows, columns); say which with --key"
        )
    return possible[0]


def _add_up_to_one(values: NDArray[np.float32]) -> bool:
    is_in_range = values.min() >= 0 and values.max() <= 1 + _SUM_TOLERANCE
    return bool(is_in_range and np.abs(values.sum(axis=0) - 1).max() <= _SUM_TOLERANCE)


def _size(arrays: Mapping[str, NDArray[Any]]) -> tuple[int, int] | None:
    if "size" not in arrays or arrays["size"].shape != (2,):
        return None
    height, width = (int(value) for value in arrays["size"])
    return height, width


def _check_size(file: ScoreFile, size: tuple[int, int], stride: int | None) -> None:
    (height, width), (rows, columns) = size, file.scores.shape[1:]
    if file.size is not None and file.size != size:
        told = f"{file.size[1]}x{file.size[0]}"
        raise ValueError(f"scores of a picture of {told} pixels, but this one is {width}x{height}")
    if stride is None and file.size is not None and (rows, columns) != size:
        raise ValueError(
            f"{columns}x{rows} scores that may go beyond the picture: say with --stride how many "
            "pixels it is from one to the next"
        )
    if stride is not None and stride < 1:
        raise ValueError(f"stride {stride}: give 1 pixel or more")
    if stride is not None and (rows * stride < height or columns * stride < width):
        raise ValueError(
            f"{columns}x{rows} scores at stride {stride} do not cover {width}x{height} pixels"
        )
    if stride is None and (rows > height or columns > width):
        raise ValueError(
            f"{columns}x{rows} scores are more than the picture's {width}x{height} pixels"
        )
