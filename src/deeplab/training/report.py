"""What a run tells while it goes on: progress, `metrics.csv`, TensorBoard, overlays to look at."""

import csv
import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard import SummaryWriter

from deeplab import imaging
from deeplab.data import SegmentationData
from deeplab.evaluation import Scores
from deeplab.inference import Segmenter
from deeplab.training.config import TrainConfig
from deeplab.training.run_state import RunState

_NUM_OVERLAYS = 6
_COLLAPSED_SHARE = 0.995
_log = logging.getLogger(__name__)


class _Described(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def recipe_yaml(self) -> str: ...


class Reporter:
    """Reports of one run, into its folder and to whoever watches.

    Args:
        run_dir: Made if it is not there. Rows of `metrics.csv` behind the step to go on from are
            dropped.
        config: How often to report.
        state: Where the run goes on.
        is_main: Whether this process is the one that reports.
    """

    def __init__(
        self, run_dir: Path, config: TrainConfig, state: RunState, *, is_main: bool
    ) -> None:
        self._run_dir = run_dir
        self._config = config
        self._is_main = is_main
        self._losses: list[float] = []
        self._since = time.monotonic()
        self._busy = 0.0
        run_dir.mkdir(parents=True, exist_ok=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            disable=not (is_main and sys.stderr.isatty()),
        )
        self._task = self._progress.add_task(
            "training", total=config.iterations, completed=state.step, figures=""
        )
        if is_main:
            _drop_rows_after(run_dir / "metrics.csv", state.step)
            _drop_rows_after(run_dir / "validation.csv", state.step)
            self._board = SummaryWriter(str(run_dir), purge_step=state.step + 1)

    def __enter__(self) -> "Reporter":
        """Show the progress bar."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close files and bar."""
        self._progress.stop()
        if self._is_main:
            self._board.close()

    def start(self, run: _Described, num_pictures: int, state: RunState) -> None:
        """Keep the full recipe beside the run and say what begins."""
        if not self._is_main:
            return
        text = run.recipe_yaml.encode()
        imaging.write_atomically(self._run_dir / "recipe.yaml", lambda file: file.write(text))
        doing = f"going on from step {state.step}" if state.step else "starting"
        _log.info("%s: %s, %d pictures\n%s", run.name, doing, num_pictures, run.recipe_yaml)
        self._since = time.monotonic()

    def step(self, step: int, loss: float, rate: float) -> None:
        """Note one step; every `log_every` steps it is written and shown."""
        self._losses.append(loss)
        if not self._is_main or (step % self._config.log_every and step < self._config.iterations):
            return
        now = time.monotonic()
        seconds = now - self._since - self._busy
        images = len(self._losses) * self._config.batch_size * self._config.accumulate
        images_per_second = images * self._config.devices / max(seconds, 1e-9)
        mean_loss = sum(self._losses) / len(self._losses)
        row = {
            "step": step,
            "loss": repr(mean_loss),
            "base_lr": repr(rate),
            "images_per_second": f"{images_per_second:.2f}",
        }
        _append_row(self._run_dir / "metrics.csv", row)
        self._board.add_scalar("loss", mean_loss, step)
        self._board.add_scalar("base_lr", rate, step)
        left = (self._config.iterations - step) * seconds / len(self._losses)
        figures = f"loss {mean_loss:.4f}  rate {rate:.2e}  {images_per_second:.1f} images/s"
        if self._progress.disable:
            _log.info(
                "step %d/%d  %s  %.0f min left", step, self._config.iterations, figures, left / 60
            )
        self._progress.update(self._task, completed=step, figures=figures)
        self._losses.clear()
        self._since, self._busy = now, 0.0

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out of the training speed what happens inside."""
        begin = time.monotonic()
        yield
        self._busy += time.monotonic() - begin

    def validation(
        self, step: int, scores: Scores, segmenter: Segmenter, data: SegmentationData
    ) -> None:
        """Note a scoring: the mean IoU, every class, and a few overlays to look at."""
        names = data.label_set.class_names
        row = {"step": step, "mean_iou": repr(scores.mean_iou)}
        row |= {name: f"{iou:.4f}" for name, iou in zip(names, scores.class_iou, strict=True)}
        _append_row(self._run_dir / "validation.csv", row)
        self._board.add_scalar("validation/mean_iou", scores.mean_iou, step)
        _log.info("step %d: validation mIoU %.2f %%", step, 100 * scores.mean_iou)
        _warn_of_collapse(scores)
        every = max(1, len(data.samples) // _NUM_OVERLAYS)
        for sample in data.samples[::every][:_NUM_OVERLAYS]:
            path = self._run_dir / "overlays" / f"{sample.name}.step{step:07d}.jpg"
            path.parent.mkdir(exist_ok=True)
            overlay = segmenter(sample.picture_path).overlay()
            imaging.write_atomically(path, partial(overlay.save, format="jpeg"))


def _warn_of_collapse(scores: Scores) -> None:
    predicted = np.asarray(scores.confusion).sum(axis=0)
    share = predicted.max() / max(predicted.sum(), 1)
    if share > _COLLAPSED_SHARE:
        name = scores.class_names[int(predicted.argmax())]
        _log.warning(
            "%.1f %% of all pixels are predicted as %s: the network has collapsed onto one class. "
            "Usual causes: a rate that is too high, label maps that are almost all %s, or class "
            "ids that are off by one",
            100 * share,
            name,
            name,
        )


def _append_row(path: Path, row: dict[str, object]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys())
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _drop_rows_after(path: Path, step: int) -> None:
    """A killed run has written rows behind its last checkpoint; they will be written again."""
    if not path.exists():
        return
    lines = path.read_text().splitlines(keepends=True)
    kept = [lines[0], *(line for line in lines[1:] if int(line.split(",")[0]) <= step)]
    text = "".join(kept).encode()
    imaging.write_atomically(path, lambda file: file.write(text))
