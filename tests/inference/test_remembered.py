import logging
from pathlib import Path

import pytest

from deeplab.cache import trials_dir
from deeplab.inference import Setup, Trial
from deeplab.inference import remembered as module
from deeplab.inference.remembered import recall, remember

TRIALS = [
    Trial(Setup("onnxruntime"), 0.2, 0.16, 0.0, 1.0),
    Trial(Setup("torch", "bf16", "cuda", True), 9.5, 0.001, 2.5, 0.99),
]


@pytest.fixture
def weights(tmp_path: Path, own_cache: Path) -> Path:
    path = tmp_path / "any.onnx"
    path.write_bytes(b"some network")
    return path


def test_what_is_remembered_comes_back(weights: Path) -> None:
    remember(weights, TRIALS, threads=2, workers=1)
    assert recall(weights, threads=2, workers=1) == TRIALS


def test_a_copy_of_the_file_is_the_same_network(weights: Path, tmp_path: Path) -> None:
    remember(weights, TRIALS, threads=None, workers=1)
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(weights.read_bytes())
    assert recall(copy, threads=None, workers=1) == TRIALS


def test_nothing_is_known_of_other_threads_workers_networks(weights: Path) -> None:
    remember(weights, TRIALS, threads=2, workers=1)
    assert recall(weights, threads=None, workers=1) is None
    assert recall(weights, threads=2, workers=2) is None
    weights.write_bytes(b"some networK")  # of the same size
    assert recall(weights, threads=2, workers=1) is None


@pytest.mark.parametrize("name", ["processor_name", "num_cores", "_versions"])
def test_nothing_is_known_of_other_machines_and_versions(
    name: str, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(weights, TRIALS, threads=2, workers=1)
    monkeypatch.setattr(module, name, lambda: "another one")
    assert recall(weights, threads=2, workers=1) is None


def test_what_is_remembered_later_counts(weights: Path) -> None:
    remember(weights, TRIALS, threads=2, workers=1)
    remember(weights, TRIALS[:1], threads=2, workers=1)
    assert recall(weights, threads=2, workers=1) == TRIALS[:1]


@pytest.mark.parametrize("content", ["", "{}", '{"trials": [{"setup": {"motor": 1}}]}'])
def test_a_damaged_file_is_warned_of_and_not_used(
    content: str, weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    remember(weights, TRIALS, threads=2, workers=1)
    (path,) = trials_dir().iterdir()
    path.write_text(content)
    with caplog.at_level(logging.WARNING):
        assert recall(weights, threads=2, workers=1) is None
    assert "is damaged, and not used" in caplog.text


def test_where_nothing_can_be_written_nothing_is_remembered(
    weights: Path, own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own_cache.write_text("a file in the place of the folder")
    remember(weights, TRIALS, threads=2, workers=1)
    assert recall(weights, threads=2, workers=1) is None
    assert "trials are not remembered" in caplog.text
