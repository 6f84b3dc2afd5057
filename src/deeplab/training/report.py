"""What a run tells while it goes on: the log, `metrics.csv`, TensorBoard, overlays to look at."""

import csv
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from deeplab import whole_files
from deeplab.data import SegmentationData
from deeplab.evaluation import Scores
from deeplab.inference import Segmenter
from deeplab.training.run import Run
from deeplab.training.run_state import RunState

_NUM_OVERLAYS = 6
_COLLAPSED_SHARE = 0.995
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        step: Optimiser steps taken.
        iterations: Steps to be taken in all.
        loss: Mean over the steps since the last report.
        base_lr: Rate of the last step.
        images_per_second: Crops, on all devices, since the last report.
        seconds_left: At this speed, without what validation takes.
    """

    step: int
    iterations: int
    loss: float
    base_lr: float
    images_per_second: float
    seconds_left: float

    def __str__(self) -> str:
        """Say it in one line."""
        return (
            f"loss {self.loss:.4f}  rate {self.base_lr:.2e}  {self.images_per_second:.1f} images/s"
        )


Watch = Callable[[Progress], None]
"""Called with every report of a run."""


class Reporter:
    """Reports of one run, into its folder and to whoever watches.

    Args:
        run: What is trained. Its folder is made if it is not there; rows of `metrics.csv` and
            `validation.csv` behind the step to go on from are dropped.
        state: Where the run goes on.
        watch: Told of the progress.
        is_main: Whether this process is the one that reports.
    """

    def __init__(self, run: Run, state: RunState, *, watch: Watch, is_main: bool) -> None:
        self._run_dir = run.run_dir
        self._config = run.train
        self._watch = watch
        self._is_main = is_main
        self._first_step = state.step
        self._since = time.monotonic()
        run.run_dir.mkdir(parents=True, exist_ok=True)
        if is_main:
            text = run.recipe_yaml.encode()
            whole_files.write_atomically(run.run_dir / "recipe.yaml", lambda file: file.write(text))
            _drop_rows_after(run.run_dir / "metrics.csv", state.step)
            _drop_rows_after(run.run_dir / "validation.csv", state.step)
            self._board = SummaryWriter(str(run.run_dir), purge_step=state.step + 1)
            doing = f"going on from step {state.step}" if state.step else "starting"
            _log.info("%s: %s\n%s", run.name, doing, run.recipe_yaml)

    def __enter__(self) -> "Reporter":
        """Start the clock."""
        self._since = time.monotonic()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the files."""
        if self._is_main:
            self._board.close()

    def step(self, state: RunState, rate: float) -> None:
        """Tell of the steps since the last report, if one is due."""
        if state.step % self._config.log_every and state.step < self._config.iterations:
            return
        if self._is_main:
            self._tell(self._progress(state, rate))
        state.losses.clear()
        self._first_step, self._since = state.step, time.monotonic()

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out of the training speed what happens inside."""
        begin = time.monotonic()
        yield
        self._since += time.monotonic() - begin

    def validation(
        self, step: int, scores: Scores, segmenter: Segmenter, data: SegmentationData
    ) -> None:
        """Note a scoring: the mean IoU, every class, and a few overlays to look at."""
        names = data.label_set.class_names
        row = {"step": str(step), "mean_iou": repr(scores.mean_iou)}
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
            whole_files.write_atomically(path, partial(overlay.save, format="jpeg"))

    def _progress(self, state: RunState, rate: float) -> Progress:
        config = self._config
        steps = state.step - self._first_step
        seconds = max(time.monotonic() - self._since, 1e-9)
        images = steps * config.batch_size * config.accumulate * config.devices
        return Progress(
            step=state.step,
            iterations=config.iterations,
            loss=sum(state.losses) / len(state.losses),
            base_lr=rate,
            images_per_second=images / seconds,
            seconds_left=(config.iterations - state.step) * seconds / steps,
        )

    def _tell(self, progress: Progress) -> None:
        row = {
            "step": str(progress.step),
            "loss": repr(progress.loss),
            "base_lr": repr(progress.base_lr),
            "images_per_second": f"{progress.images_per_second:.2f}",
        }
        _append_row(self._run_dir / "metrics.csv", row)
        self._board.add_scalar("loss", progress.loss, progress.step)
        self._board.add_scalar("base_lr", progress.base_lr, progress.step)
        _log.info(
            "step %d/%d  %s  %.0f min left",
            progress.step,
            progress.iterations,
            progress,
            progress.seconds_left / 60,
        )
        self._watch(progress)


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


def _append_row(path: Path, row: Mapping[str, str]) -> None:
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, row.keys(), lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def _drop_rows_after(path: Path, step: int) -> None:
    """Drop rows that a killed run wrote behind its last checkpoint: they will be written again."""
    if not path.exists():
        return
    header, *rows = path.read_text().splitlines(keepends=True) or [""]
    # The last row may be cut short, if the machine itself went down.
    kept = [row for row in rows if row.endswith("\n") and int(row.split(",")[0]) <= step]
    if kept:
        text = "".join([header, *kept]).encode()
        whole_files.write_atomically(path, lambda file: file.write(text))
    else:
        path.unlink()
