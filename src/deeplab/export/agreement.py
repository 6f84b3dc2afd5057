"""Does a network file score real pictures as the network it was made from?

Shapes: N pictures, H rows, W columns, K classes, (h, w) the score grid.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deeplab import bands
from deeplab.inference import Engine, Segmenter

_NUM_PICTURES = 8

_PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".npy")


@dataclass(frozen=True)
class Tolerance:
    """How far a network file and its network may be apart.

    Attributes:
        largest_difference: Of two class scores, as a fraction of the largest score.
        same_labels: Score positions, 0..1, where both have the same best class, at least: rounding
            may turn near ties, nothing else.
        advice: What to do where it is not met.
    """

    largest_difference: float
    same_labels: float
    advice: str = ""


EXACT = Tolerance(1e-3, 0.98)
"""Two libraries sum some thousand products a score in different orders: that makes 1e-5; a layer
that is padded or spread wrongly makes 1e-1."""

HALF = Tolerance(5e-2, 0.98, "; export without half")
"""When filters are rounded to 11 bits, 5e-4 each."""

INT8 = Tolerance(1.0, 0.0)
"""When filters and features have 8 bits: what that costs is measured (`loss`), not known before."""


@dataclass(frozen=True)
class Agreement:
    """How well a network file and its network agree.

    Attributes:
        num_sizes: Different picture sizes that were scored by both.
        largest_difference: Of two class scores, as a fraction of the largest score.
        same_labels: Score positions, 0..1, where both have the same best class.
    """

    num_sizes: int
    largest_difference: float
    same_labels: float


class AtScales(Engine):
    """What `Segmenter` makes of a network at several scales and mirrored, as an engine.

    Args:
        engine: The network.
        scales: See `Segmenter`.
        flip: See `Segmenter`.

    Raises:
        ValueError: A scale is out of range or given twice.
    """

    def __init__(self, engine: Engine, *, scales: Sequence[float], flip: bool) -> None:
        self._engine = engine
        self._segmenter = Segmenter(_AtFullSize(engine), scales=scales, flip=flip)
        self._is_plain = tuple(scales) == (1.0,) and not flip
        self.card = engine.card

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        if self._is_plain:
            return self._engine.class_scores(pictures)
        return np.stack([self._segmenter.class_scores(picture) for picture in pictures])


class _AtFullSize(Engine):
    """A network whose pictures are not shrunk first, however large they are."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.card = dataclasses.replace(engine.card, longest_side=None)

    def class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size; see `Engine.class_scores`."""
        return self._engine.class_scores(pictures)


def read_check_pictures(
    folder: Path | None = None, *, num_bands: int = 3
) -> list[NDArray[np.uint8]]:
    """Read the pictures to check a network file on.

    Args:
        folder: Where to take them from, at most 8, spread over the folder; None takes the two
            photos that come with the package.
        num_bands: That the network takes; for others than 3 the bands of our photos are repeated.

    Raises:
        ValueError: There is no picture in the folder, or one that cannot be read.
    """
    if folder is None:
        packaged = resources.files("deeplab.export") / "pictures"
        with resources.as_file(packaged) as packaged_dir:
            photos = read_check_pictures(packaged_dir)
        return [photo[..., [band % 3 for band in range(num_bands)]] for photo in photos]
    if not folder.is_dir():
        raise ValueError(f"pictures {folder}: no such folder; give one that holds photos")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in _PICTURE_SUFFIXES)
    if not paths:
        raise ValueError(f"pictures {folder}: holds no picture ({', '.join(_PICTURE_SUFFIXES)})")
    step = -(-len(paths) // _NUM_PICTURES)
    return [bands.read_bands(path, num_bands) for path in paths[::step]]


def compare(
    exported: Engine,
    network: Engine,
    pictures: Sequence[NDArray[np.uint8]],
    *,
    tolerance: Tolerance = EXACT,
) -> Agreement:
    """Score pictures of several sizes with both, and compare class scores and labels.

    Args:
        exported: The network file.
        network: What it was made from.
        pictures: At least one (H, W, bands), uint8.
        tolerance: How far they may be apart.

    Raises:
        ValueError: The file cannot score one of the sizes, or they differ by more than rounding;
            the message gives the difference, and the size of the picture.
    """
    sizes, differences, same_labels = set(), [], []
    for batch in _batches(pictures):
        ours, theirs = exported.class_scores(batch), network.class_scores(batch)
        difference = _difference(ours, theirs)
        allowed = tolerance.largest_difference
        if not difference <= allowed:  # also when it is not a number
            raise ValueError(
                "the exported graph's class scores differ from the network's by "
                f"{difference:.2g} of the largest score (allowed: {allowed:g}) on a picture of "
                f"{batch.shape[2]}x{batch.shape[1]} pixels; nothing was written"
            )
        sizes.add(batch.shape[1:3])
        differences.append(difference)
        same_labels.append((ours.argmax(axis=1) == theirs.argmax(axis=1)).ravel())
    agreement = Agreement(len(sizes), max(differences), float(np.concatenate(same_labels).mean()))
    if agreement.same_labels < tolerance.same_labels:
        raise ValueError(
            f"only {agreement.same_labels:.1%} of the exported graph's labels are the network's "
            f"(wanted: {tolerance.same_labels:.0%}); nothing was written{tolerance.advice}"
        )
    return agreement


def _batches(pictures: Sequence[NDArray[np.uint8]]) -> Iterator[NDArray[np.uint8]]:
    """Yield each picture whole, cut to odd sizes, and mirrored in a batch of two: (N, H, W, 3)."""
    for picture in pictures:
        height, width = picture.shape[:2]
        yield picture[None]
        yield picture[None, : height // 2 + 1, : max(width - 1, 1)]
        yield picture[None, : min(height, 47), : min(width, 65)]
        part = picture[-max(height // 3, 1) :, -max(width // 2, 1) :]
        yield np.stack([part, part[:, ::-1]])


def _difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Largest difference of two score arrays, as a fraction of the largest score."""
    if ours.shape != theirs.shape:
        raise ValueError(
            f"the exported graph gives class scores of shape {ours.shape}, the network "
            f"{theirs.shape}; nothing was written"
        )
    largest = max(np.abs(theirs).max(), np.finfo(np.float32).tiny)  # all may be 0
    return float(np.abs(ours - theirs).max() / largest)
