"""The trials of a search, kept in a file so that an interrupted search goes on."""

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from deeplab import whole_files
from deeplab.inference import differences

_HEADINGS = ("stage", "weight", "xy", "rgb", "mean_iou")


class Point(NamedTuple):
    """A bilateral kernel: weight, and standard deviations in pixels and in grey levels."""

    weight: float
    xy: float
    rgb: float


@dataclass(frozen=True)
class Trial:
    """One CRF that was tried.

    Attributes:
        stage: "coarse" and "fine" grid, or how the point was drawn.
        point: The bilateral kernel.
        mean_iou: 0..1.
    """

    stage: str
    point: Point
    mean_iou: float


class TrialLog:
    """The trials so far: in memory, and in `trials.csv`, a line for each.

    Args:
        folder: Where `trials.csv` and `search.json` are kept; trials found there are taken over.
        about: What decides the numbers (data, scores, settings), as JSON values.

    Raises:
        ValueError: The folder holds a search of something else, or a damaged file.
    """

    def __init__(self, folder: Path, about: Mapping[str, Any]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "trials.csv"
        self.trials: list[Trial] = []
        self._points: set[Point] = set()
        _check_same(folder / "search.json", about)
        for trial in _read(self._path):
            self._remember(trial)

    def __contains__(self, point: Point) -> bool:
        """Say whether a point was tried."""
        return point in self._points

    def add(self, trials: Iterable[Trial]) -> None:
        """Remember trials, on disk too."""
        for trial in trials:
            self._remember(trial)
        lines = [",".join(_HEADINGS)]
        lines += [
            ",".join((one.stage, *(f"{value:g}" for value in one.point), f"{one.mean_iou:.6f}"))
            for one in self.trials
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        whole_files.write_atomically(self._path, lambda file: file.write(content))

    def best(self, stage: str | None = None) -> Trial:
        """Give the trial with the highest mean IoU, the first of equals."""
        return max(
            (one for one in self.trials if stage in (None, one.stage)), key=lambda one: one.mean_iou
        )

    def _remember(self, trial: Trial) -> None:
        self.trials.append(trial)
        self._points.add(trial.point)


def _check_same(path: Path, about: Mapping[str, Any]) -> None:
    if path.is_file():
        for difference in differences(json.loads(path.read_text()), about):
            raise ValueError(
                f"{path.parent} holds another search: {difference}; choose another folder with "
                "--out"
            )
        return
    content = json.dumps(about, indent=2).encode() + b"\n"
    whole_files.write_atomically(path, lambda file: file.write(content))


def _read(path: Path) -> list[Trial]:
    if not path.is_file():
        return []
    try:
        with path.open(newline="") as file:
            return [
                Trial(
                    row["stage"],
                    Point(float(row["weight"]), float(row["xy"]), float(row["rgb"])),
                    float(row["mean_iou"]),
                )
                for row in csv.DictReader(file)
            ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: not a list of trials ({error!r}); delete it") from error
