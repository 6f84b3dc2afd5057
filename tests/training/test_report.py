import csv
import logging
from pathlib import Path

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from deeplab.data import SegmentationData
from deeplab.data.stream import DataConfig
from deeplab.evaluation import ConfusionMatrix
from deeplab.inference import Segmenter
from deeplab.inference.engine import Engine
from deeplab.labels import VOC12
from deeplab.models import ModelConfig
from deeplab.network_card import NetworkCard
from deeplab.training import Progress, Run, TrainConfig
from deeplab.training.report import Reporter
from deeplab.training.run_state import RunState


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is told to go on."""
    times = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: times[-1])
    return lambda seconds: times.append(times[-1] + seconds)


def make_run(run_dir: Path, **settings: int) -> Run:
    train = TrainConfig(**{"iterations": 10, "batch_size": 3, "accumulate": 2} | settings)
    return Run("small", ModelConfig(), DataConfig(train=()), train, "name: small\n", run_dir)


def tell(run: Run, state: RunState, losses: list[float]) -> list[Progress]:
    """Report a step for every loss; give what a watcher is told."""
    told: list[Progress] = []
    with Reporter(run, state, watch=told.append, is_main=True) as reporter:
        for loss in losses:
            state.losses.append(loss)
            state.step += 1
            reporter.step(state, rate=0.5)
    return told


def rows(run: Run) -> list[dict[str, str]]:
    with (run.run_dir / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_tells_the_mean_loss_since_the_last_row(tmp_path):
    run = make_run(tmp_path, log_every=4)
    tell(run, RunState(), [1, 2, 3, 6, 0, 0, 0, 8, 5, 7])
    assert [(row["step"], float(row["loss"])) for row in rows(run)] == [
        ("4", 3),
        ("8", 2),
        ("10", 6),  # the last step is always told
    ]


def test_losses_from_before_a_checkpoint_count_in_the_next_row(tmp_path):
    run = make_run(tmp_path, log_every=4)
    tell(run, RunState(step=6, losses=[10.0, 20.0]), [30, 40])
    assert [(row["step"], float(row["loss"])) for row in rows(run)] == [("8", 25)]


def test_speed_counts_all_crops_since_the_last_row_but_not_what_is_paused(tmp_path, clock):
    run = make_run(tmp_path, log_every=2, devices=4)
    state, told = RunState(), []
    with Reporter(run, state, watch=told.append, is_main=True) as reporter:
        for _ in range(2):
            clock(3)
            with reporter.pause():
                clock(1000)
            state.losses.append(1)
            state.step += 1
            reporter.step(state, rate=0.5)
    assert told[0].images_per_second == pytest.approx(2 * 3 * 2 * 4 / 6)
    assert told[0].seconds_left == pytest.approx(8 * 3)


def test_rows_behind_the_step_to_go_on_from_are_dropped(tmp_path):
    run = make_run(tmp_path, log_every=2)
    tell(run, RunState(), [1, 1, 1, 1, 1, 1])
    table = run.run_dir / "metrics.csv"
    table.write_text(table.read_text() + "7,0.2")  # cut short: the machine went down
    tell(run, RunState(step=4), [2, 2])
    assert [(row["step"], float(row["loss"])) for row in rows(run)] == [
        ("2", 1),
        ("4", 1),
        ("6", 2),
    ]


@pytest.mark.parametrize("content", ["", "step,loss", "step,loss,base_lr,images_per_second\n2,1"])
def test_a_table_that_was_cut_short_begins_anew(tmp_path, content):
    run = make_run(tmp_path, log_every=1)
    (tmp_path / "metrics.csv").write_text(content)
    tell(run, RunState(step=3), [1])
    assert [row["step"] for row in rows(run)] == ["4"]


def test_only_the_main_process_writes(tmp_path):
    run = make_run(tmp_path, log_every=1)
    told: list[Progress] = []
    with Reporter(run, RunState(), watch=told.append, is_main=False) as reporter:
        reporter.step(RunState(step=1, losses=[1.0]), rate=0.5)
    assert told == []
    assert list(tmp_path.iterdir()) == []


def test_tensorboard_is_told_what_the_table_is_told(tmp_path):
    run = make_run(tmp_path, log_every=5)
    tell(run, RunState(), [2.0] * 10)
    board = EventAccumulator(str(tmp_path)).Reload()
    assert [(event.step, event.value) for event in board.Scalars("loss")] == [(5, 2), (10, 2)]
    assert [event.value for event in board.Scalars("base_lr")] == [0.5, 0.5]


class AlwaysCat(Engine):
    card = NetworkCard("cat", VOC12.class_names, VOC12.palette, 8, "", {})

    def class_scores(self, pictures):
        height, width = (-(-length // 8) for length in pictures.shape[1:3])
        scores = np.zeros((len(pictures), 21, height, width), np.float32)
        scores[:, VOC12.class_names.index("cat")] = 9
        return scores


def test_a_network_that_sees_one_class_everywhere_is_warned_of(tmp_path, caplog):
    matrix = ConfusionMatrix(VOC12.class_names)
    matrix.add(np.zeros((9, 9), np.uint8), np.full((9, 9), 8, np.uint8), picture_name="x")
    data = SegmentationData((), VOC12)
    with (
        caplog.at_level(logging.WARNING),
        Reporter(make_run(tmp_path), RunState(), watch=print, is_main=True) as reporter,
    ):
        reporter.validation(5, matrix.scores(), Segmenter(AlwaysCat()), data)
    assert "100.0 % of all pixels are predicted as cat" in caplog.text


def test_a_network_that_tells_classes_apart_is_not(tmp_path, caplog):
    matrix = ConfusionMatrix(VOC12.class_names)
    matrix.add(np.zeros((9, 9), np.uint8), np.eye(9, dtype=np.uint8), picture_name="x")
    data = SegmentationData((), VOC12)
    with (
        caplog.at_level(logging.WARNING),
        Reporter(make_run(tmp_path), RunState(), watch=print, is_main=True) as reporter,
    ):
        reporter.validation(5, matrix.scores(), Segmenter(AlwaysCat()), data)
    assert caplog.text == ""
