"""How large a tile may be: what scoring and labelling a picture in tiles takes of the memory."""

import math
import re
from dataclasses import dataclass

from deeplab.inference.tiles import OVERLAP, Side, alignment

DEFAULT_MEMORY = 2_000_000_000
"""Bytes for all that a process does, if nobody says another number."""

# Bytes, rounded up from what was measured: see benchmarks/memory.py.
_PROCESS = 300_000_000  # Python, the runtime, the weights
_OUTPUTS = 150_000_000  # labels and what is being written
_PER_SCORED_PIXEL = 800  # features of a network; 210 for EfficientNet-Lite2, more for VGG-16
_PER_CRF_PIXEL, _PER_CRF_LABEL = 100, 12  # the lattice; scores and marginals
_PER_TRACED_PIXEL = 40  # labels, confidences, ids of regions and their borders
_TRACED_SHARE = 1 / 4  # of the memory, for regions that are traced
_SMALLEST_TILE, _LARGEST_TILE = 256, 2048
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Tiling:
    """How the user wants large pictures cut.

    Attributes:
        tile: Pixels of a tile, height and width; None: as many as the memory allows, up to 2048.
        memory: Bytes that the whole process may take.
        overlap: The least share of a tile that the next one sees again, 0..0.9.
    """

    tile: int | None = None
    memory: int = DEFAULT_MEMORY
    overlap: float = OVERLAP

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if self.tile is not None and self.tile < 32:
            raise ValueError(f"tile {self.tile}: give 32 pixels or more, or 'auto'")
        if not 0 <= self.overlap <= 0.9:
            raise ValueError(
                f"overlap {self.overlap:g}: give the share of a tile that the next one sees "
                "again, 0 to 0.9"
            )


@dataclass(frozen=True)
class Load:
    """What decides how much memory a picture takes.

    Attributes:
        width: Of the picture, pixels.
        held_bytes: What its reader keeps.
        num_bands: Bytes of a pixel.
        num_classes: K.
        stride: Of the network.
        scales: At which it sees the picture.
        flip: It sees the mirrored picture at the same time.
        margin: Rows above and below those that are labelled, which the CRF sees too.
        crf_pixels: Of the blocks that the CRF sees; 0: there is none.
        traced_pixels: Of the whole picture where its regions become polygons, else 0.
    """

    width: int
    held_bytes: int
    num_bands: int
    num_classes: int
    stride: int
    scales: tuple[float, ...]
    flip: bool
    margin: int = 0
    crf_pixels: int = 0
    traced_pixels: int = 0

    def bytes_with(self, tile: int) -> float:
        """Say how much memory tiles of so many pixels a side take."""
        step = self.stride / max(self.scales)
        scored = _PER_SCORED_PIXEL * (tile * max(self.scales)) ** 2 * (1 + self.flip)
        crf = self.crf_pixels * (_PER_CRF_PIXEL + _PER_CRF_LABEL * self.num_classes)
        rows = (
            2.5 * (tile + 2 * self.margin) * self.width * self.num_bands
        )  # those of two tiles, while they change
        grid = 2 * 4 * self.num_classes * (tile / step + 1) * (self.width / step + 1)
        return _PROCESS + _OUTPUTS + self.held_bytes + scored + crf + rows + grid

    def fitting_tile(self, memory: int) -> int:
        """Find the largest tile that the memory allows.

        Raises:
            ValueError: Not even the smallest.
        """
        unit = alignment(self.stride, max(self.scales))
        unit *= max(1, 64 // unit)
        largest = math.floor(_LARGEST_TILE / min(1.0, max(self.scales)))
        for tile in range(largest // unit * unit, _SMALLEST_TILE - 1, -unit):
            if self.bytes_with(tile + 1) + self._traced_bytes(memory) <= memory:
                return tile + 1  # corner pixels then are on the grid, at every scale
        needed = self.bytes_with(-(-_SMALLEST_TILE // unit) * unit + 1)
        needed += self._traced_bytes(needed / (1 - _TRACED_SHARE))
        raise ValueError(
            f"memory {memory / 1e9:.2g} GB: too little for a picture {self.width} pixels wide; "
            f"give {needed / 1e9 + 0.05:.1f}GB or more, or a smaller --tile"
        )

    def _traced_bytes(self, memory: float) -> float:
        return min(_PER_TRACED_PIXEL * self.traced_pixels, _TRACED_SHARE * memory)


def traced_rows(height: int, width: int, memory: int) -> int:
    """Say of how many rows of a picture the regions can be traced at once.

    Args:
        height: Of the picture, pixels.
        width: Of the picture, pixels.
        memory: Bytes that the whole process may take.
    """
    return min(height, max(1, int(_TRACED_SHARE * memory) // (_PER_TRACED_PIXEL * width)))


def memory_to_trace(height: int, width: int) -> int:
    """Say how many bytes the process must be given to trace the regions of a picture uncut."""
    return math.ceil(_PER_TRACED_PIXEL * height * width / _TRACED_SHARE)


def cut(height: int, load: Load, tiling: Tiling) -> tuple[Side, Side]:
    """Cut a picture into tiles.

    Args:
        height: Of the picture, pixels.
        load: What it is, and what is done with it.
        tiling: How the user wants it.

    Returns:
        Its rows and its columns.

    Raises:
        ValueError: The memory does not suffice.
    """
    tile = tiling.tile or load.fitting_tile(tiling.memory)
    if tile < load.stride:
        raise ValueError(f"tile {tile}: give at least the network's stride, {load.stride}")
    rows, columns = (
        Side.cut(
            length,
            tile=tile,
            overlap=tiling.overlap,
            stride=load.stride,
            largest_scale=max(load.scales),
        )
        for length in (height, load.width)
    )
    return rows, columns


def parse_memory(text: str) -> int:
    """Read a number of bytes: "2GB", "800MB", "1.5 GiB" (which is taken as GB).

    Raises:
        ValueError: Something else.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?\s*", text, re.IGNORECASE)
    if match is None or not (size := round(float(match[1]) * _UNITS[match[2].upper()])):
        raise ValueError(f"memory {text}: give a size, such as 2GB or 800MB")
    return size
