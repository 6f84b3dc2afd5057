"""What `deeplab segment` is told of pictures that are labelled in tiles."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deeplab.cli.arguments import parse_numbers

if TYPE_CHECKING:
    from deeplab.inference import Job, Tiling
    from deeplab.rasters import Reading


@dataclass(frozen=True)
class LargeChoice:
    """The options as they were typed.

    Attributes:
        tile: "auto" or pixels.
        memory: Such as "2GB".
        overlap: Of windows or of tiles.
        value_range: "LOW,HIGH".
        bands: Such as "4,3,2".
        level: Of a pyramid.
    """

    tile: str | None
    memory: str | None
    overlap: float | None
    value_range: str | None
    bands: str | None
    level: int

    def check(self, *, window: str | None, longest_side: int | None) -> None:
        """Refuse options that exclude one another.

        Raises:
            ValueError: They do.
        """
        if self._is_wanted and (window is not None or longest_side is not None):
            other = "--window" if window is not None else "--longest-side"
            raise ValueError(
                f"{other} and tiles (--tile, --memory) exclude one another; to score a smaller "
                "picture in tiles, give a scale, such as --scales 0.5"
            )
        if self.overlap is not None and window is None and not self._is_wanted:
            raise ValueError(
                f"overlap {self.overlap:g} is of windows or tiles: give their size too "
                "(--window or --tile)"
            )

    def takes(self, job: "Job") -> bool:
        """Tell whether a picture is labelled in tiles.

        Raises:
            ValueError: It is a video, and something was typed that these do not have.
        """
        from deeplab.rasters import needs_parts

        if job.is_video:
            if self._is_wanted:
                raise ValueError(
                    f"{job.name}: videos are not labelled in tiles; leave --tile, --memory, "
                    "--value-range, --bands and --level out"
                )
            return False
        return self._is_wanted or (isinstance(job.source, Path) and needs_parts(job.source))

    def tiling(self) -> "Tiling":
        """Say how large pictures are cut.

        Raises:
            ValueError: Something else than sizes was typed.
        """
        from deeplab.inference import Tiling, parse_memory

        tiling = Tiling()
        return Tiling(
            tile=_tile(self.tile),
            memory=tiling.memory if self.memory is None else parse_memory(self.memory),
            overlap=tiling.overlap if self.overlap is None else self.overlap,
        )

    def reading(self, num_bands: int) -> "Reading":
        """Say how stored values become pictures.

        Args:
            num_bands: Of the network.

        Raises:
            ValueError: Something else than numbers was typed.
        """
        from deeplab.rasters import Reading

        return Reading(num_bands, _bands(self.bands), _value_range(self.value_range))

    @property
    def _is_wanted(self) -> bool:
        given = (self.tile, self.memory, self.value_range, self.bands)
        return self.level != 0 or any(one is not None for one in given)


def _tile(text: str | None) -> int | None:
    if text is None or text == "auto":
        return None
    if not text.isdecimal():
        raise ValueError(f"--tile {text}: give pixels, such as 1024, or auto")
    return int(text)


def _bands(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    numbers = parse_numbers(text, "--bands")
    if any(number != int(number) for number in numbers):
        raise ValueError(f"--bands {text}: give whole numbers, such as 4,3,2")
    return tuple(int(number) for number in numbers)


def _value_range(text: str | None) -> tuple[float, float] | None:
    if text is None:
        return None
    numbers = parse_numbers(text, "--value-range")
    if len(numbers) != 2:
        raise ValueError(f"--value-range {text}: give two numbers, such as 0,10000")
    return numbers[0], numbers[1]
