import logging
from pathlib import Path

import numpy as np
import pytest

from deeplab.inference import (
    PLAIN,
    Engine,
    Setup,
    packaged_photos,
    time_in_turns,
    time_new_sizes,
)
from deeplab.inference.network_file import read_card
from deeplab.inference.trials import label_photos, run_trials
from deeplab.network_card import NetworkCard

CARD = NetworkCard("any", ("a", "b"), ((0, 0, 0), (1, 1, 1)), 1, "", {})
PICTURE = np.zeros((2, 3, 3), np.uint8)
OTHER = Setup("openvino")


class Noting(Engine):
    """Notes that it was called; from a certain call on it fails."""

    card = CARD

    def __init__(self, notes: list[str], name: str, fails_from: int = 99) -> None:
        self._notes, self._name, self._left = notes, name, fails_from

    def class_scores(self, pictures: np.ndarray) -> np.ndarray:
        if not self._left:
            raise ValueError("no more")
        self._left -= 1
        self._notes.append(self._name)
        return np.zeros((1, 2, *pictures.shape[1:3]), np.float32)


def test_engines_take_turns_and_score_twice_in_each() -> None:
    notes: list[str] = []
    engines = {PLAIN: Noting(notes, "one"), OTHER: Noting(notes, "two")}
    seconds = time_in_turns(engines, [PICTURE], rounds=2)
    assert notes == ["one", "one", "two", "two"] * 2
    assert [len(times) for times in seconds.values()] == [2, 2]


def test_an_engine_that_fails_is_left_out_and_the_others_go_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    notes: list[str] = []
    engines = {PLAIN: Noting(notes, "one"), OTHER: Noting(notes, "two", fails_from=1)}
    with caplog.at_level(logging.WARNING):
        seconds = time_in_turns(engines, [PICTURE], rounds=3)
    assert list(seconds) == [PLAIN]
    assert len(seconds[PLAIN]) == 3
    assert caplog.messages == ["openvino f32 is left out: no more"]


def test_photos_are_as_large_as_the_network_takes_them_and_have_its_bands() -> None:
    card = NetworkCard("any", ("a",), ((0, 0, 0),), 1, "", {}, longest_side=100, num_bands=4)
    photos = packaged_photos(card)
    assert [max(photo.shape[:2]) for photo in photos] == [100, 100]
    assert all((photo[..., 3] == photo[..., 0]).all() for photo in photos)


def test_what_is_compared_with_has_all_its_own_labels(network_path: Path, own_cache: Path) -> None:
    (trial,) = run_trials(network_path, [PLAIN], threads=1, rounds=1)
    assert (trial.setup, trial.same_labels) == (PLAIN, 1.0)
    assert trial.seconds(3) == trial.start_s + 3 * (trial.picture_s + trial.size_s)
    assert trial.seconds(None) == trial.picture_s > 0


def test_labels_are_those_of_every_place_of_all_photos(network_path: Path) -> None:
    from deeplab.inference import OnnxRuntimeEngine

    red = np.full((1, 4, 8, 3), (255, 0, 0), np.uint8)[0]
    labels = label_photos(OnnxRuntimeEngine(network_path), [red, np.zeros((4, 4, 3), np.uint8)])
    assert labels.tolist() == [1, 1, 0]  # the stride is 4
    assert read_card(network_path).output_stride == 4


class Compiling(Engine):
    """Takes its time for every size that it has not met."""

    setup, card = OTHER, CARD

    def __init__(self, first_s: float) -> None:
        self._first_s = first_s
        self.met: set[tuple[int, ...]] = set()
        self.now = 0.0

    def class_scores(self, pictures: np.ndarray) -> np.ndarray:
        self.now += 0.25 if pictures.shape in self.met else self._first_s
        self.met.add(pictures.shape)
        return np.zeros((1, 2, *pictures.shape[1:3]), np.float32)


@pytest.mark.parametrize(
    ("first_s", "num_sizes"),
    [(1.0, 3), (60.0, 2)],  # as it is, higher, wider; or one that takes so long that it is enough
)
def test_new_sizes_are_timed_against_the_same_again(
    first_s: float, num_sizes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Compiling(first_s)
    monkeypatch.setattr("time.perf_counter", lambda: engine.now)
    assert time_new_sizes({OTHER: engine}, PICTURE) == {OTHER: first_s - 0.25}
    assert len({shape[1:3] for shape in engine.met}) == num_sizes
