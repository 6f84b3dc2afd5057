import logging
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from deeplab.inference import (
    PLAIN,
    Setup,
    Trial,
    find_integer_file,
    find_setups,
    known_precisions,
    open_engine,
    remember,
    replace_metadata,
)
from deeplab.inference.network_file import read_card
from deeplab.precisions import PrecisionRecord
from deeplab.weights import DEFAULT, resolve_network

INT8 = Setup("onnxruntime", "int8")
HARMLESS = PrecisionRecord(-0.001, 0.98, "colours val", 9, "any")
TRIALS = [Trial(PLAIN, 0.2, 0.16, 0.0, 1.0), Trial(INT8, 0.2, 0.08, 0.0, 0.98)]

PutBeside = Callable[..., Path]

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def put_beside(make_network: Callable[..., Path]) -> PutBeside:
    """Put a file beside `network_path` that is told from it by scores of red twice as large."""

    def put(*, record: PrecisionRecord | None = HARMLESS, **changes: object) -> Path:
        float_path = make_network(red_weight=20 / 255)
        path = float_path.with_suffix(".int8.onnx")
        precisions = {} if record is None else {"int8": record}
        card = replace(read_card(float_path), precisions=precisions, **changes)
        path.write_bytes(replace_metadata(float_path, card.to_metadata()))
        make_network()
        return path

    return put


def score_of_red(engine) -> float:
    return float(engine.class_scores(np.full((1, 1, 1, 3), (255, 0, 0), np.uint8))[0, 1, 0, 0])


def test_it_lies_beside_its_network_file(network_path: Path, put_beside: PutBeside) -> None:
    assert find_integer_file(network_path) is None
    path = put_beside()
    assert path.name == "colours.int8.onnx"
    assert find_integer_file(network_path) == path
    assert find_integer_file(network_path.with_suffix(".safetensors")) is None


def test_notes_of_how_files_are_written_are_no_difference(
    network_path: Path, put_beside: PutBeside
) -> None:
    provenance = read_card(network_path).provenance
    path = put_beside(provenance={**provenance, "quantised": "int8", "stored_filters": "float16"})
    assert find_integer_file(network_path) == path


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"recipe": "another"}, "recipe"), ({"provenance": {"data": "more"}}, "provenance")],
)
def test_one_of_another_network_is_refused_where_it_is_asked_for_and_left_out_else(
    changes: dict[str, object],
    what: str,
    network_path: Path,
    put_beside: PutBeside,
    caplog: pytest.LogCaptureFixture,
) -> None:
    put_beside(**changes)
    with pytest.raises(ValueError, match=rf"of another network than .*\(their {what} differ\)"):
        open_engine(network_path, precision="int8")
    assert find_setups(network_path, "onnxruntime") == [PLAIN]
    assert "of another network" in caplog.messages[0]
    assert known_precisions(network_path) == {}


@pytest.mark.parametrize("engine", ["auto", "onnxruntime", "openvino"])
def test_what_is_asked_for_is_computed_by_it(
    engine: str, network_path: Path, put_beside: PutBeside
) -> None:
    if engine == "openvino":
        pytest.importorskip("openvino", reason="the openvino extra")
    put_beside()
    opened = open_engine(network_path, engine=engine, precision="int8")
    assert opened.setup == replace(INT8, engine=opened.setup.engine)
    assert score_of_red(opened) == pytest.approx(20)
    assert score_of_red(open_engine(network_path)) == pytest.approx(10)


def test_without_one_it_is_said_how_to_make_it(network_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no file for it .* `deeplab export CHECKPOINT"):
        open_engine(network_path, precision="int8")
    with pytest.raises(ValueError, match="precision int8: of onnxruntime and openvino"):
        open_engine(network_path, engine="torch", precision="int8")


def test_auto_takes_it_only_where_it_is_known_to_be_harmless(
    network_path: Path, put_beside: PutBeside
) -> None:
    for record, wanted in (
        (HARMLESS, INT8),
        (replace(HARMLESS, miou_change=-0.01), PLAIN),
        (None, PLAIN),
    ):
        put_beside(record=record)
        remember(network_path, TRIALS, threads=None, workers=1)
        assert open_engine(network_path).setup == wanted
        assert open_engine(network_path, precision="f32").setup == PLAIN


def test_trials_of_another_one_do_not_count(network_path: Path, put_beside: PutBeside) -> None:
    put_beside()
    remember(network_path, TRIALS, threads=None, workers=1)
    assert open_engine(network_path).setup == INT8
    put_beside(record=replace(HARMLESS, num_pictures=10))
    assert open_engine(network_path).setup == PLAIN


def test_one_whose_labels_differ_on_this_machine_is_not_taken(
    network_path: Path, put_beside: PutBeside
) -> None:
    put_beside()
    trials = [TRIALS[0], replace(TRIALS[1], same_labels=0.96)]
    remember(network_path, trials, threads=None, workers=1)
    assert open_engine(network_path).setup == PLAIN


def test_many_pictures_are_worth_a_trial_of_it(
    network_path: Path,
    put_beside: PutBeside,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)  # importing it fails
    put_beside()
    with caplog.at_level(logging.INFO):
        open_engine(network_path, threads=1, num_pictures=1000)
    assert "trying onnxruntime f32, onnxruntime int8 on this machine" in caplog.messages


@pytest.mark.weights
def test_ours_may_be_taken_by_auto() -> None:
    known = known_precisions(resolve_network(DEFAULT))
    assert known["int8"].is_harmless
    assert known["bf16"].is_harmless
    assert INT8 in find_setups(DEFAULT, "onnxruntime")
