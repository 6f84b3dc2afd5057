"""What `deeplab segment` is told of pictures that are labelled in tiles."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deeplab.cli.arguments import parse_numbers

if TYPE_CHECKING:
    from deeplab.inference import Job, Tiling
    from deeplab.rasters import Reading

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LargeChoice:
    """The options as they were typed.

    Attributes:
        tile: "auto", "none" or pixels.
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
        if self._is_refused and (others := self._others()):
            raise ValueError(
                f"--tile none and {others[0]} exclude one another: it is of pictures in tiles"
            )
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

    def divide(
        self,
        jobs: Sequence["Job"],
        *,
        window: str | None,
        longest_side: int | None,
        outputs: Sequence[str],
    ) -> tuple[list["Job"], list["Job"]]:
        """Give what is done as a whole, and what in tiles.

        Where something was typed that tiles lack, files that lie on earth are done as a whole if
        Pillow reads them; a warning says what that costs.

        Raises:
            ValueError: There is a video, and something was typed that these do not have.
        """
        whole_for = _what_tiles_lack(window, longest_side, outputs)
        whole: list[Job] = []
        in_tiles: list[Job] = []
        off_earth: list[Job] = []
        for job in jobs:
            takes = self._takes(job)
            if takes and not self._is_wanted and whole_for and _can_be_whole(job):
                off_earth.append(job)
                takes = False
            (in_tiles if takes else whole).append(job)
        if off_earth:
            _warn(off_earth, whole_for)
        return whole, in_tiles

    def _takes(self, job: "Job") -> bool:
        from deeplab.rasters import needs_parts

        if job.is_video:
            if self._is_wanted:
                raise ValueError(
                    f"{job.name}: videos are not labelled in tiles; leave --tile, --memory, "
                    "--value-range, --bands and --level out"
                )
            return False
        if self._is_wanted or self._is_refused:
            return self._is_wanted
        return isinstance(job.source, Path) and needs_parts(job.source)

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

    def settings(self, whole: Sequence["Job"]) -> dict[str, Any]:
        """Say what of it decides results, as JSON values: nothing unless tiles were asked for.

        Nor where they were refused, as most pictures are done as a whole anyway; but among those
        in `whole` may be some that would have been in tiles.
        """
        if not self._is_wanted:
            from deeplab.rasters import needs_parts

            paths = (job.source for job in whole if not job.is_video)
            is_off_earth = any(isinstance(path, Path) and needs_parts(path) for path in paths)
            return {"tiles": None} | ({"GeoTIFF as photos": True} if is_off_earth else {})
        tiling = self.tiling()
        size = tiling.tile or f"as large as {tiling.memory / 1e9:g} GB allow"
        return {
            "tiles": size,
            "overlap of tiles": tiling.overlap,
            "bands": _bands(self.bands),
            "value range": _value_range(self.value_range),
            "level": self.level,
        }

    @property
    def _is_refused(self) -> bool:
        return self.tile == "none"

    @property
    def _is_wanted(self) -> bool:
        return not self._is_refused and (self.tile is not None or bool(self._others()))

    def _others(self) -> list[str]:
        """List the other options that were typed and that are of tiles alone."""
        given = {
            "--memory": self.memory,
            "--value-range": self.value_range,
            "--bands": self.bands,
            "--level": self.level or None,
        }
        return [option for option, value in given.items() if value is not None]


def _what_tiles_lack(
    window: str | None, longest_side: int | None, outputs: Sequence[str]
) -> str | None:
    """Name something that was typed and that pictures in tiles do not have."""
    from deeplab.inference import lacking_outputs

    if window is not None:
        return "--window"
    if longest_side is not None:
        return "--longest-side"
    return next((f"output {output!r}" for output in lacking_outputs(outputs)), None)


def _warn(off_earth: Sequence["Job"], whole_for: str | None) -> None:
    name, others = off_earth[0].name, len(off_earth) - 1
    _log.warning(
        "%s%s: done as a whole for %s, which tiles lack; results do not say where on earth "
        "pictures lie",
        name,
        f" and {others} more" if others else "",
        whole_for,
    )


def _can_be_whole(job: "Job") -> bool:
    from deeplab.rasters import can_be_whole

    return isinstance(job.source, Path) and can_be_whole(job.source)


def _tile(text: str | None) -> int | None:
    if text is None or text in ("auto", "none"):
        return None
    if not text.isdecimal():
        raise ValueError(f"--tile {text}: give pixels, such as 1024, or auto, or none")
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
