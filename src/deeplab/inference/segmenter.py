"""How a picture is scored: sizes, scales, flip, CRF. Reference: arXiv 1606.00915, section 4.1.2.

Shapes: K classes, (H, W) the picture, (h, w) the score grid.
Geometry: at output stride s, score (i, j) sits on pixel (s * i, s * j) of what the network saw.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deeplab import bands, imaging
from deeplab.crf import DenseCRF
from deeplab.inference.choose_engine import EngineChoice, PrecisionChoice, open_engine
from deeplab.inference.crf_choice import find_crf, plain_parameters
from deeplab.inference.engine import Engine, check_threads
from deeplab.inference.scored import ScoredPicture
from deeplab.inference.segmentation import Segmentation
from deeplab.inference.windows import OVERLAP, Windows
from deeplab.network_card import NetworkCard
from deeplab.weights import DEFAULT

_SMALLEST_SCALE, _LARGEST_SCALE = 0.1, 4.0


class Segmenter:
    """Turns pictures into label maps.

    Args:
        engine: The network.
        scales: Sizes at which the picture is scored, relative to its own; the fused score is the
            largest of the class scores (paper: 0.5, 0.75, 1).
        flip: Score the mirrored picture too, and average both, at every scale, before the maximum.
        longest_side: Pixels; pictures with a longer side are shrunk to it before they are scored
            (results keep the original size). None: what the network's card says; with windows,
            pictures are not shrunk.
        window: Score larger pictures in overlapping windows of so many pixels (height and width,
            or one number for both), at every scale, and average where they overlap. None: pictures
            are scored whole.
        overlap: The share of a window that the next one sees again, 0..0.9; a third if None.
        crf: Refine the fused scores with this fully connected CRF, see `ScoredPicture.refine`.
        threads: Processor threads that make labels of scores, at most; None: one for each core.
            Engine and CRF have a number of their own; `load` gives all three the same.

    Attributes:
        card: What the network says about itself.
        engine: The network.
        scales: Sizes at which pictures are scored, by us or inside the file, the largest first.
        flip: Whether mirrored pictures are scored too, likewise.
        crf: As given.
        threads: As given.
        is_full_resolution: Neither a longest side nor windows were asked for, so that pictures may
            be scored in tiles, see `large.label_rows`.

    Raises:
        ValueError: A scale is outside 0.1..4 or given twice, `longest_side` is below 1, a window
            is smaller than the network's stride, an overlap is given without a window, or scales,
            flip or a window are given of a file that has scales or flip inside.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        longest_side: int | None = None,
        window: int | tuple[int, int] | None = None,
        overlap: float | None = None,
        crf: DenseCRF | None = None,
        threads: int | None = None,
    ) -> None:
        check_threads(threads)
        _check_scales(scales)
        if engine.card.fuses_scales:
            _check_nothing_twice(engine.card, scales, flip, window)
        if longest_side is not None and longest_side < 1:
            raise ValueError(f"longest side {longest_side}: give 1 pixel or more")
        self.card = engine.card
        self.engine = engine
        self._own_scales = tuple(sorted(scales, reverse=True))
        self._own_flip = flip
        is_inside = engine.card.fuses_scales  # and none of our own then
        self.scales = engine.card.inner_scales if is_inside else self._own_scales
        self.flip = engine.card.inner_flip if is_inside else flip
        self.crf = crf
        self.threads = threads
        self.is_full_resolution = longest_side is None and window is None
        self._windows = _windows(window, overlap, engine.card.output_stride)
        whole_limit = engine.card.longest_side if self._windows is None else None
        self._longest_side = longest_side or whole_limit

    @classmethod
    def load(
        cls,
        weights: str | Path = DEFAULT,
        *,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        longest_side: int | None = None,
        window: int | tuple[int, int] | None = None,
        overlap: float | None = None,
        threads: int | None = None,
        crf: DenseCRF | str | None = None,
        engine: EngineChoice = "auto",
        precision: PrecisionChoice = "auto",
        workers: int = 1,
        num_pictures: int | None = None,
    ) -> "Segmenter":
        """Load published weights by name, or a network file (ONNX) or checkpoint by path.

        Args:
            weights: A published name such as "voc12-lite", or a path.
            scales: See `Segmenter`.
            flip: See `Segmenter`.
            longest_side: See `Segmenter`.
            window: See `Segmenter`.
            overlap: See `Segmenter`.
            threads: Processor threads for network, CRF and labels; None: one for each core.
            crf: See `Segmenter`; or "stored" for the parameters in the network file, the name of
                a preset, a file of parameters: see `find_crf`.
            engine: What runs the network: "onnxruntime", "openvino", "torch", or "auto" for the
                fastest of them, see `open_engine`.
            precision: "f32", "bf16", "int8", or "auto" for the fastest that does no harm, likewise.
                With "auto" a CRF that is given by a word is inferred in "half", see `DenseCRF`.
            workers: From how many threads pictures will come at once.
            num_pictures: How many pictures there are, if that is known, for the choice of engine.

        Raises:
            ValueError: An unknown name, a file that is not such a network, a wrong setting.
        """
        opened = open_engine(
            weights,
            engine=engine,
            precision=precision,
            threads=threads,
            workers=workers,
            num_pictures=num_pictures,
        )
        if isinstance(crf, str):
            crf = find_crf(crf, opened.card)
            if precision == "auto" and crf.accuracy != "exact":
                crf = dataclasses.replace(crf, precision="half")
        if crf is not None and threads is not None:
            crf = dataclasses.replace(crf, threads=threads)
        return cls(
            opened,
            scales=scales,
            flip=flip,
            longest_side=longest_side,
            window=window,
            overlap=overlap,
            crf=crf,
            threads=threads,
        )

    def __call__(self, picture: imaging.PictureSource) -> Segmentation:
        """Label every pixel of a picture.

        Args:
            picture: A path, an open binary file, a PIL image, or RGB uint8 (H, W, 3). The EXIF
                orientation of files and PIL images is applied: results are upright. Networks for
                other bands take other pictures, see `bands.read_bands`.

        Raises:
            ValueError: Not a picture; the message says what was given and what is allowed.
        """
        result = label_picture(self.score(picture), self.card, self.crf)
        if isinstance(picture, str | Path):
            return dataclasses.replace(result, source=Path(picture))
        return result

    def settings(self) -> dict[str, Any]:
        """Say what decides the results beside the weights, as JSON values."""
        windows, setup = self._windows, self.engine.setup
        return {
            "scales": list(self.scales),
            "flip": self.flip,
            "longest side": self._longest_side,
            "window": None if windows is None else [windows.height, windows.width],
            "overlap": None if windows is None else windows.overlap,
            "crf": None if self.crf is None else plain_parameters(self.crf),
            "precision": None if setup is None else setup.precision,
        }

    def class_scores(self, picture: imaging.PictureSource) -> NDArray[np.float32]:
        """Score a picture without labelling it: (K, h, w), scales and flip fused.

        The grid is that of the largest scale: one score every output stride, pixel (0, 0) first.
        """
        return self.score(picture).grid.scores

    def score(self, source: imaging.PictureSource) -> ScoredPicture:
        """Score a picture, scales and flip fused, and say where its pixels lie between the scores.

        Args:
            source: See `__call__`.

        Raises:
            ValueError: Not a picture.
        """
        picture = seen = bands.read_bands(source, self.card.num_bands)
        if self._longest_side is not None:
            seen = imaging.shrink_picture(picture, self._longest_side)
        fused, grid_steps = self.score_as_is(seen)
        return ScoredPicture.place(
            picture, seen, fused, grid_steps=grid_steps, threads=self.threads
        )

    def score_as_is(self, seen: imaging.Picture) -> tuple[NDArray[np.float32], tuple[float, float]]:
        """Score a picture without shrinking it, scales and flip fused.

        Args:
            seen: (H, W, bands) as the network takes it.

        Returns:
            Class scores (K, h, w), score (0, 0) on pixel (0, 0); and how far one pixel row, and
            one pixel column, is on their grid.
        """
        axes = [_Axis(length, _scaled(length, self.scales[0])) for length in seen.shape[:2]]
        fused = self._score_scale(seen, self._own_scales[0])
        for scale in self._own_scales[1:]:
            scores = self._score_scale(seen, scale)
            positions = [
                axis.grid_on_scale(size, _scaled(axis.seen, scale))
                for axis, size in zip(axes, fused.shape[1:], strict=True)
            ]
            np.maximum(fused, imaging.sample_scores(scores, *positions), out=fused)
        down, right = (axis.grid_step(self.card.output_stride) for axis in axes)
        return fused, (down, right)

    def _score_scale(self, picture: imaging.Picture, scale: float) -> NDArray[np.float32]:
        """Score a picture at one scale: (H, W, 3) -> (K, h, w), flip averaged."""
        height, width = (_scaled(length, scale) for length in picture.shape[:2])
        if (height, width) != picture.shape[:2]:
            picture = imaging.resize_picture(picture, height, width)
        if not self._own_flip:
            return np.asarray(self._class_scores(picture[np.newaxis])[0])
        plain, mirrored = self._class_scores(np.stack([picture, picture[:, ::-1]]))
        # Column x of the picture is column W-1-x of the mirrored one. Only if the stride divides
        # W-1 do the two score grids fall on each other; so the mirrored one is sampled.
        columns = (width - 1) / self.card.output_stride - np.arange(plain.shape[2])
        straight = imaging.sample_scores(mirrored, np.arange(plain.shape[1]), columns)
        return np.asarray((plain + straight) / np.float32(2))

    def _class_scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Score pictures of one size, whole or in windows: (N, H, W, 3) -> (N, K, h, w)."""
        if self._windows is None:
            return self.engine.class_scores(pictures)
        score = self.engine.class_scores
        return self._windows.score(score, pictures, self.card.output_stride)


def label_picture(
    scored: ScoredPicture, card: NetworkCard, crf: DenseCRF | None = None
) -> Segmentation:
    """Label every pixel of a picture that was scored, with or without a CRF.

    Args:
        scored: The picture and its class scores.
        card: Names and colours of the classes.
        crf: Refines the scores first.
    """
    if crf is None:
        return Segmentation.from_scores(scored.picture, scored.grid, card)
    refined = scored.refine(crf)
    return Segmentation.from_scores(scored.picture, refined, card, unrefined=scored.grid)


@dataclass(frozen=True)
class _Axis:
    """One direction (rows or columns) of the picture that is scored, in pixels.

    Attributes:
        seen: Its length.
        largest: Its length at the largest scale, which has the score grid of the result.
    """

    seen: int
    largest: int

    def grid_step(self, stride: int) -> float:
        """Say how far one pixel is on the score grid; scales keep the corner pixels' centres."""
        return _ratio(self.largest, self.seen) / stride

    def grid_on_scale(self, size: int, scaled: int) -> NDArray[np.float64]:
        """Say where the `size` grid points lie on the score grid of a smaller scale.

        Both grids have the same stride, so it cancels.
        """
        return np.asarray(np.arange(size) * _ratio(scaled, self.largest), dtype=np.float64)


def _windows(
    window: int | tuple[int, int] | None, overlap: float | None, stride: int
) -> Windows | None:
    if window is None:
        if overlap is not None:
            raise ValueError(f"overlap {overlap:g} is of windows: give their size too (window)")
        return None
    height, width = (window, window) if isinstance(window, int) else window
    windows = Windows(height, width, OVERLAP if overlap is None else overlap)
    windows.check_stride(stride)
    return windows


def _check_scales(scales: Sequence[float]) -> None:
    if not scales:
        raise ValueError("no scales: give at least one, such as 1")
    for scale in scales:
        if not (math.isfinite(scale) and _SMALLEST_SCALE <= scale <= _LARGEST_SCALE):
            raise ValueError(
                f"scale {scale:g}: allowed are {_SMALLEST_SCALE:g} to {_LARGEST_SCALE:g}, "
                "1 being the size of the picture"
            )
    if len(set(scales)) < len(scales):
        raise ValueError(f"scales {', '.join(f'{scale:g}' for scale in scales)}: one comes twice")


def _check_nothing_twice(
    card: NetworkCard,
    scales: Sequence[float],
    flip: bool,
    window: int | tuple[int, int] | None,
) -> None:
    inside = f"scales {', '.join(f'{scale:g}' for scale in card.inner_scales)}"
    inside += " and flip" if card.inner_flip else ""
    if flip or tuple(scales) != (1.0,):
        raise ValueError(
            f"network {card.name!r} has {inside} inside, and would apply scales and flip twice: "
            "leave them out, or take a file that was exported without"
        )
    if window is not None:
        raise ValueError(
            f"network {card.name!r} has {inside} inside, which windows want outside (they are "
            "averaged at each scale): leave the window out, or take a file exported without"
        )


def _scaled(length: int, scale: float) -> int:
    """Scale a length so that corner pixels stay corner pixels: 321 at 0.5 is 161."""
    return round((length - 1) * scale) + 1


def _ratio(to: int, of: int) -> float:
    """Pixels of one size to a pixel of another, the corners of both coinciding."""
    return (to - 1) / (of - 1) if of > 1 else 1.0
